"""The registry child's main where MLflow's client opens a database itself, without a server.

What it imports for that takes a second; here the zygote does it once, and not every child.
"""

import socket

from mlflow.store.db import utils
from mlflow.store.model_registry import sqlalchemy_store as _models  # noqa: F401 - for the forked
from mlflow.store.tracking import sqlalchemy_store as _tracking  # noqa: F401 - the same

from service.registry.child import main


def run(connection: socket.socket) -> None:
    """Serves the front; a database that cannot be opened is told as that, and at once.

    MLflow tries ten times, for 102 s (mlflow/store/db/utils.py), which no look has: the front asks
    again by itself.
    """
    utils.MAX_RETRY_COUNT = 1
    main.run(connection)
