"""What a registry child says for a log, and which child it is."""

from service.registry.child.sanitizing import sanitized
from service.registry.roles import DATABASE_ROLE, registry_role


def test_o7_database_beside_a_registry_is_opened_as_one() -> None:
    """Runs and artifacts are asked for there."""
    both = {"MLFLOW_REGISTRY_URI": "http://a", "MLFLOW_TRACKING_URI": "mysql+pymysql://b/c"}
    assert registry_role(both) == DATABASE_ROLE


def test_o7_no_secret_stays_in_what_is_told() -> None:
    """Whatever holds it, and however it is written; what is none stays."""
    environment = {
        "MLFLOW_TRACKING_URI": "postgresql://u:p%40ss-word@host/db",
        "PGPASSWORD": "first-secret",
        "AWS_SECRET_ACCESS_KEY": "second-secret",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/run/token",
        "PGUSER": "somebody",
    }
    text = "p%40ss-word p@ss-word first-secret second-secret http://a:b@c /run/token somebody"
    assert sanitized(text, environment) == "*** *** *** *** http://c /run/token somebody"
