"""Names that MLflow admits for no model, and for no alias: wrong before anybody is asked.

What it would refuse in the end it would refuse late: once every instance has a version ready, and
the journal has an entry of it.
"""

import posixpath
import re
from typing import Final

from service.refs import RESERVED

# mlflow/utils/validation.py, _validate_model_name
_NOT_IN_MODELS: Final = "/:"
# The same, _validate_model_alias_name
_ALIAS: Final = re.compile(r"[\w-]{1,255}")
NO_MODEL: Final = "the name of a model is missing"


def mistake_in_model(name: str) -> str | None:
    """What is wrong with the name of a model; None if it may be right."""
    if not name.strip():
        return NO_MODEL
    if any(character in name for character in _NOT_IN_MODELS):
        return f"{name!r}: MLflow admits neither / nor : in the name of a model"
    if posixpath.normpath(name) != name or name == "." or name.startswith(".."):
        return f"{name!r}: MLflow admits no name of a model that a path would have otherwise"
    return None


def mistake_in_alias(alias: str) -> str | None:
    """What is wrong with an alias; None if it may be right."""
    if not alias:
        return "the alias is missing"
    if _ALIAS.fullmatch(alias) is None:
        return f"{alias!r}: MLflow admits letters, digits, _ and - in an alias, 255 at most"
    if RESERVED.fullmatch(alias):
        return f"MLflow reserves {alias!r}; set an alias of your own"
    return None
