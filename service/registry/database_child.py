"""The registry child's main where MLflow's client opens a database itself, without a server.

What it imports for that takes a second; here the zygote does it once, and not every child.
"""

from mlflow.store.db import utils as _utils  # noqa: F401 - imported for those who are forked
from mlflow.store.model_registry import sqlalchemy_store as _models  # noqa: F401
from mlflow.store.tracking import sqlalchemy_store as _tracking  # noqa: F401

from service.registry.child import run

__all__ = ["run"]
