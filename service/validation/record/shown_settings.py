"""The settings that a validation was run by, as its record may hold them: no secret among them."""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args, get_origin

from service.config.settings import Settings

_PLAIN: Final = frozenset(
    {
        *("models", "host", "home", "service_name", "root_path", "forwarded_allow_ips"),
        *("cors_origins", "require_tags", "require_validation", "validation_status"),
        *("aliases", "validated_as"),
    }
)
"""Texts that are written down; of any other it is said that it is set, and no more."""
_HARMLESS: Final = (int, float, bool)
_SET: Final = "(set)"


def shown_settings(settings: Settings) -> Mapping[str, Any]:
    """Every setting by its name; a text that may hold a secret as `(set)`."""
    told = settings.model_dump(mode="json")
    return {name: value if _is_plain(name) else value and _SET for name, value in told.items()}


def _is_plain(name: str) -> bool:
    kind = Settings.model_fields[name].annotation
    return name in _PLAIN or all(map(_is_harmless, _alternatives(kind)))


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) is not Literal and get_args(kind) else (kind,)


def _is_harmless(kind: Any) -> bool:
    bare = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
    return bare in {*_HARMLESS, type(None)} or get_origin(bare) is Literal
