"""How MLflow is named and asked: what is certainly written wrongly, seen before anybody is asked.

Only what can mean nothing else is told here, since a command ends for it. What may come right by
itself, a file that is mounted later or a host that is not there yet, is left to the looks at the
registry (`service.registry.child.faults`). No text of it repeats an address or a
credential.
"""

import difflib
import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Final
from urllib.parse import urlsplit

from service.config.addresses import is_host

_ADDRESSES: Final = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
_CREDENTIALS: Final = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
# Quotes of shells and of word processors; an env file's are a part of the value.
_QUOTES: Final = "\"'`<>\u00ab\u00bb\u2018\u2019\u201c\u201d\u201e"
_DATABASES: Final = ("sqlite", "postgresql", "mysql", "mssql")
# mlflow/tracking/_tracking_service/utils.py and _model_registry/utils.py
_SCHEMES: Final = frozenset(
    {"http", "https", "file", "databricks", "databricks-uc", "uc", *_DATABASES}
)
# A plugin's name is the scheme of its addresses.
_PLUGINS: Final = ("mlflow.tracking_store", "mlflow.model_registry_store")
_NAMED_OTHERWISE: Final = {"postgres": "postgresql", "sqlite3": "sqlite", "mariadb": "mysql"}
_AS_A_SERVER: Final = "write http://HOST:PORT, or https://HOST:PORT"
_TO_THE_PORT: Final = "write no more than http://HOST:PORT, and the prefix if it has one"
_LARGEST_PORT: Final = 65535

_ASSIGNED: Final = re.compile(r"(export\s+)?MLFLOW_\w+\s*=")
_UNFILLED: Final = re.compile(r"\$[{(\w]|%\w+%$|\{\{")
_UNFILLED_WITHIN: Final = re.compile(r"\$[{(]|\{\{")
_SLASHES: Final = re.compile(r"https?(:(?!//)|//|:///)|https?://https?:?/", re.IGNORECASE)
_SCHEMELESS: Final = re.compile(
    r"([\w.-]+:\d+|\[[0-9a-fA-F:.]+\](:\d+)?|\d+\.\d+\.\d+\.\d+|localhost)(/.*)?|[^/]*@.*"
)
_SCHEME: Final = re.compile(r"([A-Za-z][\w.-]*)(\+\w+)?:(//)?")
_API: Final = re.compile(r"/(ajax-)?api/\d")
# RFC 6750, section 2.1
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=|:,@$!*-]+")


def mistakes(environment: Mapping[str, str]) -> list[str]:
    """A line for each of MLflow's variables that is certainly wrong: its name, what, the mend."""
    found = {
        **{name: mistake_in(environment.get(name, "")) for name in _ADDRESSES},
        "MLFLOW_TRACKING_TOKEN": _in_token(environment.get("MLFLOW_TRACKING_TOKEN", "")),
        **{name: _in_credential(environment.get(name, "")) for name in _CREDENTIALS},
    }
    return [f"{name}: {mistake}" for name, mistake in found.items() if mistake]


def mistake_in(address: str) -> str | None:
    """What is wrong with an address of MLflow's, as half a sentence with its mend.

    None if it may be right, or is not set.
    """
    checks = (_around, _of_shells, _of_scheme, _of_database, _of_server)
    # What stands before an address is passed over by MLflow's client too.
    given = address.lstrip() or address
    return next((found for check in checks if given and (found := check(given))), None)


def _around(address: str) -> str | None:
    if not address.strip():
        return f"holds nothing but white space; {_AS_A_SERVER}"
    if address != address.strip():
        return "has a space or a line's end behind it; remove that"
    if not address.isprintable():
        return "holds an invisible character, such as a line's end; write it anew"
    if address[0] in _QUOTES or address[-1] in _QUOTES:
        return "stands in quotes, which count as part of it here; remove them"
    return None


def _of_shells(address: str) -> str | None:
    if _ASSIGNED.match(address):
        return "holds the name of its variable too; write the address alone"
    if _UNFILLED.match(address) or (_is_web(address) and _UNFILLED_WITHIN.search(address)):
        return "holds a variable that was not filled in; write its value"
    return None


def _of_scheme(address: str) -> str | None:
    if _SLASHES.match(address):
        return f"has no :// behind http or https, or another one; {_AS_A_SERVER}"
    if "://" not in address and _SCHEMELESS.fullmatch(address):
        return f"has no http:// or https:// in front; {_AS_A_SERVER}"
    found = _SCHEME.match(address)
    # Without the slashes it may be a file's name.
    if found is None or not found[3]:
        return None
    scheme = found[1].lower()
    return None if _is_known(scheme) else f"begins with an unknown scheme; {_instead_of(scheme)}"


def _is_known(scheme: str) -> bool:
    return scheme in _SCHEMES or any(entry_points(group=each, name=scheme) for each in _PLUGINS)


def _instead_of(scheme: str) -> str:
    near = difflib.get_close_matches(scheme, ("http", "https", *_DATABASES), n=1)
    nearest = _NAMED_OTHERWISE.get(scheme) or (near[0] if near else None)
    return _AS_A_SERVER if nearest is None else f"write {nearest}:// if that is meant"


def _of_database(address: str) -> str | None:
    found = _SCHEME.match(address)
    if found is None or found[1].lower() not in _DATABASES:
        return None
    if not found[3]:
        return "has no :// behind the database's kind; write sqlite:///FILE, or KIND://HOST/NAME"
    after = address[found.end() :]
    if found[1].lower() == "sqlite" and after and not after.startswith("/"):
        return "has two slashes where a file's name has three; write sqlite:///FILE"
    return None


def _of_server(address: str) -> str | None:
    if not _is_web(address):
        return None
    if re.search(r"\s|\\", address):
        return f"holds a space or a backslash; {_AS_A_SERVER}"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return _of_port(address)
    if port == 0:
        return _of_port(address)
    if "#" in address or "?" in address or _API.search(parts.path):
        return f"goes on behind the server's own address; {_TO_THE_PORT}"
    return None if is_host(parts.hostname or "") else f"names no host; {_AS_A_SERVER}"


def _of_port(address: str) -> str:
    host = address.partition("://")[2].partition("/")[0].rpartition("@")[2]
    if "[" not in host and host.count(":") > 1:
        return "has an IPv6 address, or two ports; write http://[ADDRESS]:PORT, or one port"
    if host.count("[") != host.count("]"):
        return "has a bracket without its other half; write http://[ADDRESS]:PORT"
    return f"has a port that is not a number from 1 to {_LARGEST_PORT}; {_AS_A_SERVER}"


def _is_web(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))


def _in_token(token: str) -> str | None:
    if token.strip().lower().startswith(("bearer ", "basic ")):
        return "begins with the name of its scheme, which MLflow puts there; write what follows it"
    if token and not _TOKEN.fullmatch(token):
        return "holds a space, a quote, a line's end or the like; write the token alone"
    return None


def _in_credential(text: str) -> str | None:
    return "has a line's end in it; remove that" if re.search(r"[\r\n]", text) else None
