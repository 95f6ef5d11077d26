"""What the zygote may be asked to become for the registry: the child that asks it."""

from collections.abc import Mapping
from typing import Final

REGISTRY_ROLE: Final = "service.registry.child.main"
DATABASE_ROLE: Final = "service.registry.child.main_with_database"
FORWARDER_ROLE: Final = "service.registry.forwarder.main"
# mlflow/store/db/db_types.py, DATABASE_ENGINES; a driver may follow (`postgresql+psycopg2`).
_DATABASES: Final = frozenset({"mssql", "mysql", "postgresql", "sqlite"})


def registry_role(environment: Mapping[str, str]) -> str:
    """The role of children that ask the registry which MLflow's variables name."""
    addresses = (environment.get(f"MLFLOW_{each}_URI", "") for each in ("REGISTRY", "TRACKING"))
    return DATABASE_ROLE if any(map(_is_database, addresses)) else REGISTRY_ROLE


def _is_database(address: str) -> bool:
    return address.partition(":")[0].partition("+")[0] in _DATABASES
