"""Where packages come from, told to uv: by its environment, which alone holds credentials.

The operator's indexes are those of uv's own variables, or else pip's. A version may name more, of
hosts that the operator allows. The first index that has a package is asked for it first: the
operator's others, his default, then the version's; uv's own default, where he names none, is last.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from service.environments.build_settings import EnvironmentSettings
from service.environments.index_addresses import IndexAddress, with_user
from service.environments.pip_configuration import pip_configuration
from service.environments.requirement_lines import read_lines

_UVS_INDEXES: Final = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
_TRUE: Final = frozenset({"1", "true", "yes", "on", "y", "t"})
# Where systems keep the certificates that they trust.
_BUNDLES: Final = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
_PASSED_ON: Final = ("HOME", "LANG", "NETRC", "PATH", "TMPDIR", "TZ")
# An index that takes a connection and never answers is given up after three times ten seconds and
# uv's pauses, some 35 in all; uv's own 30 make it 95 and more, and until then a version for which
# Podium's own environment would stand in is not served. It is the time without a byte: large files
# take as long as they take.
_PATIENCE: Final = {"UV_HTTP_TIMEOUT": "10", "UV_HTTP_RETRIES": "2"}
# pip's options, and uv's variables.
_SAME: Final = {
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "retries": "UV_HTTP_RETRIES",
}
# Of pip's ways to one the only one that uv has, too.
_KEYRING: Final = "subprocess"
_NOT_ASKED: Final = "index_not_allowed"
_NOT_ALLOWED: Final = (
    "The version names the package index {}, which is not asked: add it to PODIUM_INDEXES if it "
    "may be."
)
# Whatever stands before the last @ of a host, which a password may hold, too.
_USER: Final = re.compile(r"(?<=//)[^/\s]*@")
# PODIUM_INDEXES names hosts that are asked by TLS.
_WITHOUT_TLS: Final = (
    "The version names the package index {}, which is not asked: it has no TLS; let pip's "
    "extra-index-url name it if it may be."
)
_UNASKED: Final = (
    "{} names a place of packages that is not asked, since it is not an index's address of http or "
    "https: the package indexes that Podium asks are. Publish to one of these what only that place "
    "has, or log the model with its wheels (mlflow.models.model.add_libraries_to_model)."
)
_SHORTEST_SECRET: Final = 4


@dataclass(frozen=True, slots=True)
class PackageSources:
    """What uv is given for one build.

    Attributes:
        environment: the whole of its environment.
        arguments: what else says where packages are; nothing secret.
        constraints: the operator's own, of pip's configuration.
        findings: code and sentence of what the version has named and is not asked.
        wished: addresses of the version's own indexes that are asked, without credentials.
        has_index: whether anything can be asked for a package at all.
        has_several: whether more than one can.
        index_strategy: uv's own, where the operator says one (`UV_INDEX_STRATEGY`).
        logins: names and passwords of the netrc file, which uv reads by itself.
    """

    environment: Mapping[str, str] = field(repr=False)
    arguments: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    findings: tuple[tuple[str, str], ...] = ()
    wished: tuple[str, ...] = ()
    has_index: bool = True
    has_several: bool = False
    index_strategy: str = ""
    logins: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def without_secrets(self, text: str) -> str:
        """The text without the credentials that this environment holds, however they are coded."""
        text = _USER.sub("", text)
        pairs = [*_logins(self.environment), *self.logins]
        forms = {form for pair in pairs for form in _forms(*pair)}
        for secret in sorted(forms, key=len, reverse=True):
            text = text.replace(secret, "****")
        return text


def package_sources(
    settings: EnvironmentSettings, wished: Sequence[str], unasked: Sequence[str] = ()
) -> PackageSources:
    """For a version that names these indexes, and in those lines others; reads pip's files anew.

    Blocks for as long as the disk takes; raises nothing.
    """
    given = settings.builder_environment
    pip = pip_configuration(given)
    plain = {
        **{name: value for name, value in given.items() if name in _PASSED_ON},
        **{name: value for name, value in given.items() if name.startswith("LC_")},
        "UV_CACHE_DIR": str(settings.folder / "uv-cache"),
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
    }
    constraints = tuple(_constraints(pip.get("constraint", "")))
    if settings.wheelhouse is not None:
        arguments = ("--offline", "--no-index", "--find-links", str(settings.wheelhouse))
        return PackageSources(plain, arguments, constraints)
    default, others = _operators(given, pip)
    allowed, refused = _allowed(wished, settings, (default, *others))
    findings = (*refused, *((_NOT_ASKED, _UNASKED.format(each)) for each in unasked))
    no_index = pip.get("no-index", "").lower() in _TRUE
    links = given.get("UV_FIND_LINKS") or ",".join(pip.get("find-links", "").split())
    environment = {
        **plain,
        **_ways(given, pip),
        **({} if no_index else _in_order(default, others, allowed)),
        **({"UV_FIND_LINKS": links} if links else {}),
    }
    return PackageSources(
        {name: value for name, value in environment.items() if value},
        ("--no-index",) if no_index else (),
        constraints,
        findings,
        wished=() if no_index else tuple(_USER.sub("", each) for each in allowed),
        has_index=bool(links) or not no_index,
        has_several=bool(links or others or allowed),
        index_strategy=given.get("UV_INDEX_STRATEGY", ""),
        logins=tuple(_of_netrc(given)),
    )


def _operators(given: Mapping[str, str], pip: Mapping[str, str]) -> tuple[str, Sequence[str]]:
    """His default, empty where that is uv's own, and those that are asked before it."""
    if any(given.get(name) for name in _UVS_INDEXES):
        default = given.get("UV_DEFAULT_INDEX") or given.get("UV_INDEX_URL") or ""
        others = f"{given.get('UV_INDEX', '')} {given.get('UV_EXTRA_INDEX_URL', '')}"
    else:
        default = pip.get("index-url") or pip.get("pypi-url") or ""
        others = pip.get("extra-index-url", "")
    return default, others.split()


def _in_order(default: str, others: Sequence[str], allowed: Sequence[str]) -> Mapping[str, str]:
    """As uv asks them: what a version names takes no package from an index of the operator's."""
    if not default:  # uv's own comes last, where anybody may publish
        return {"UV_INDEX": " ".join([*others, *allowed])}
    asked = [*others, default, *allowed]
    return {"UV_INDEX": " ".join(asked[:-1]), "UV_DEFAULT_INDEX": asked[-1]}


def _ways(given: Mapping[str, str], pip: Mapping[str, str]) -> Mapping[str, str]:
    """Certificates, proxies, hosts that are trusted without, and how long is waited."""
    proxy = pip.get("proxy", "")
    trusted = " ".join(pip.get("trusted-host", "").split())
    bundle = given.get("REQUESTS_CA_BUNDLE") or given.get("CURL_CA_BUNDLE") or ""
    own = {
        name: value
        for name, value in given.items()
        if name.startswith(("SSL_", "UV_INDEX_", "UV_HTTP_", "UV_INSECURE", "UV_KEYRING"))
        or name in {"UV_SYSTEM_CERTS", "UV_NATIVE_TLS"}
        or name.lower().endswith("_proxy")
    }
    has_bundle = any(Path(each).exists() for each in _BUNDLES)
    return {
        **_PATIENCE,
        **({"SSL_CERT_FILE": bundle} if bundle else {}),
        **({"UV_SYSTEM_CERTS": "1"} if has_bundle and not bundle else {}),
        **({"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy} if proxy else {}),
        **({"UV_INSECURE_HOST": trusted} if trusted else {}),
        **({"UV_KEYRING_PROVIDER": _KEYRING} if pip.get("keyring-provider") == _KEYRING else {}),
        **{uvs: pip[name] for name, uvs in _SAME.items() if pip.get(name)},
        **{name: value for name, value in own.items() if name not in _UVS_INDEXES},
    }


def _allowed(
    wished: Sequence[str], settings: EnvironmentSettings, operators: Sequence[str]
) -> tuple[Sequence[str], tuple[tuple[str, str], ...]]:
    """The version's indexes with the operator's credentials, and findings for the others.

    Of a host that the operator asks himself no other index is asked, unless PODIUM_INDEXES names
    it: many share a host with strangers.
    """
    theirs = _addresses(operators)
    known = _addresses(settings.indexes)
    allowed: list[str] = []
    refused: set[str] = set()
    for text, each in ((text, IndexAddress.of(text)) for text in dict.fromkeys(wished)):
        if each is None:
            refused.add("(unclear)")
        elif any(each.is_same(own) for own in theirs):
            continue
        elif any(each.place == own.place for own in known):
            allowed.append(with_user(text, _user(each, [*known, *theirs])))
        else:
            refused.add(each.host)
    findings = tuple((_NOT_ASKED, _not_allowed(host)) for host in sorted(refused))
    return allowed, findings


def _not_allowed(host: str) -> str:
    sentence = _WITHOUT_TLS if host.startswith("http://") else _NOT_ALLOWED
    return sentence.format(host)


def _addresses(texts: Sequence[str]) -> list[IndexAddress]:
    return list(filter(None, map(IndexAddress.of, texts)))


def _user(address: IndexAddress, known: Sequence[IndexAddress]) -> str:
    """The operator's credentials for that very scheme, host and port."""
    return next((each.user for each in known if each.user and each.place == address.place), "")


def _constraints(files: str) -> Iterator[str]:
    for file in files.split():
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        yield from read_lines(text, "the operator's constraints").requirements


def _logins(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names and passwords of uv's own variables for indexes, and of all addresses."""
    for name, value in environment.items():
        if name.endswith("_PASSWORD"):
            yield environment.get(f"{name.removesuffix('_PASSWORD')}_USERNAME", ""), value
        elif name.endswith("_USERNAME"):
            yield value, ""
        for found in _USER.findall(value):
            user, _, password = found[:-1].partition(":")
            yield unquote(user), unquote(password)


def _of_netrc(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Those of the file that uv reads; what cannot be read is nothing to it either."""
    path = given.get("NETRC") or f"{given.get('HOME', '')}/.netrc"
    try:
        hosts = netrc(path).hosts
    except (OSError, ValueError, NetrcParseError):
        return
    for login, _, password in hosts.values():
        yield login or "", password or ""


def _forms(user: str, password: str) -> Iterator[str]:
    """Of a name and a password: as they are, as addresses have them, and as requests send them."""
    for each in (user, password):
        if len(each) >= _SHORTEST_SECRET:
            yield from (each, quote(each, safe=""), quote(each))
    if password:
        yield base64.b64encode(f"{user}:{password}".encode()).decode()
