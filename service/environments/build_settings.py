"""How environments are built here, as the operator wants it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

_PLAIN: Final = frozenset(
    {
        *("HOME", "LANG", "LOGNAME", "NETRC", "PATH", "TMPDIR", "TZ", "USER"),
        *("XDG_CONFIG_DIRS", "XDG_CONFIG_HOME"),
    }
)
_FAMILIES: Final = ("LC_", "PIP_", "SSL_CERT_", "SSL_CLIENT_CERT", "REQUESTS_CA_", "CURL_CA_")
# Of uv's own variables those about indexes and the way to them; one index strategy counts, and
# what would bring another Python or folder is not the operator's to say here.
_UVS: Final = (
    *("UV_INDEX", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INSECURE_HOST"),
    *("UV_HTTP_", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "UV_KEYRING_PROVIDER"),
)
# Of all these what may hold credentials, and is of use to nobody but builds.
_OF_INDEXES: Final = ("PIP_", "UV_INDEX", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_NOT_UVS: Final = frozenset({"UV_INDEX_STRATEGY"})
_PROXIES: Final = frozenset({"http_proxy", "https_proxy", "no_proxy", "all_proxy"})


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """All that building hangs on.

    Attributes:
        folder: where environments, their locks and uv's cache lie, on one file system.
        indexes: hosts (`HOST` or `HOST:PORT`), or addresses, of package indexes that versions may
            name; the credentials of such an address are used for its host.
        wheelhouse: a folder of wheels; nothing is asked of an index then.
        pythons: interpreters, or folders of some, that are looked at before all others.
        allow_source_builds: whether a package's own code may be run to build it.
        max_bytes: of disk for environments and uv's cache together.
        builder_environment: what `builder_environment` has taken of the process's own.
        timeout: seconds for one build.
        uv: the program; None: that of the package beside Podium.
    """

    folder: Path
    indexes: tuple[str, ...] = ()
    wheelhouse: Path | None = None
    pythons: tuple[Path, ...] = ()
    allow_source_builds: bool = False
    max_bytes: int = 20 * 1024**3
    builder_environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 600.0
    uv: Path | None = None

    def absolute(self) -> "EnvironmentSettings":
        """The same for whoever runs in another folder."""
        house = None if self.wheelhouse is None else self.wheelhouse.absolute()
        return replace(self, folder=self.folder.absolute(), wheelhouse=house)


def builder_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Of a whole environment what says where packages are found, and with which credentials.

    Nothing of MLflow's, of artifact stores or databases. To be taken before secrets are forgotten.
    """
    return {name: value for name, value in environment.items() if _is_builders(name)}


def index_variables(environment: Iterable[str]) -> list[str]:
    """Names of variables that say of package indexes what nobody but builds has to know."""
    return [name for name in environment if name.startswith(_OF_INDEXES)]


def _is_builders(name: str) -> bool:
    if name in _NOT_UVS:
        return False
    return name in _PLAIN or name.lower() in _PROXIES or name.startswith((*_FAMILIES, *_UVS))
