"""Where packages are asked for, and that nobody but the builder learns with which credentials."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from service.environments.build_settings import EnvironmentSettings, builder_environment
from service.environments.environment import EnvironmentDelayed, EnvironmentRefused
from service.environments.package_sources import PackageSources, package_sources
from service.environments.pip_configuration import pip_configuration
from tests.environments.given import environments, settings, wish
from tests.environments.package_index import PackageIndex, package_index
from tests.support.certificate import signed_certificate

SECRET = "hunter2-secret"


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    """Which answers those alone who know the account."""
    with package_index() as index:
        index.account = f"me:{SECRET}"
        index.add("mine", "1.0")
        yield index


def sources(
    folder: Path, environment: Mapping[str, str], *wished: str, indexes: tuple[str, ...] = ()
) -> PackageSources:
    """Of an operator who has set no more than that."""
    given = {"PIP_CONFIG_FILE": os.devnull, **environment}
    found = EnvironmentSettings(folder, indexes=indexes, builder_environment=given)
    return package_sources(found, wished)


def configured(folder: Path, text: str) -> dict[str, str]:
    """Variables that name a pip.conf of that text."""
    path = folder / "pip.conf"
    path.write_text(text)
    return {"PIP_CONFIG_FILE": str(path), "XDG_CONFIG_DIRS": str(folder)}


def held(folder: Path, secret: str) -> list[str]:
    """Files below the folder that hold it."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path.name for path in files if secret.encode() in path.read_bytes()]


def test_files_of_all_levels_and_variables_count_as_pip_has_it(tmp_path: Path) -> None:
    """The later the more; the section of the command before the general one."""
    for name, text in {
        "system/pip": "[global]\nindex-url = https://one\nproxy = http://p\n[install]\ncert=a",
        "home/.pip": "[global]\nindex_url = https://two\nfind-links = a\n  b\n",
        "home/.config/pip": "[install]\ntimeout=9\n[global]\ntimeout=3\nindex-url=https://three\ncert=b",
        "odd/pip": "[global\n",
    }.items():
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "pip.conf").write_text(text)
    environment = {
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_DIRS": f"{tmp_path / 'system'}:{tmp_path / 'odd'}",
        "PIP_NO_INDEX": "1",
    }
    found = pip_configuration(environment)
    assert found["index-url"] == "https://three"
    assert found["timeout"] == "9"
    assert found["cert"] == "a"
    assert found["find-links"].split() == ["a", "b"]
    assert found["no-index"] == "1"
    named = configured(tmp_path, "[global]\nindex-url=https://four\n")
    assert pip_configuration({**environment, **named})["index-url"] == "https://four"
    assert pip_configuration({"PIP_CONFIG_FILE": os.devnull}) == {}


def test_pips_configuration_is_told_to_uv_in_its_own_words(tmp_path: Path) -> None:
    """Options that it reads nowhere."""
    text = f"""
[global]
index-url = https://me:{SECRET}@one.example/simple
extra-index-url = https://two.example/simple
    https://three.example/simple
trusted-host = two.example three.example
cert = /some/bundle.pem
client-cert = /some/client.pem
proxy = http://proxy.example:3128
find-links = /some/wheels
timeout = 7
keyring-provider = subprocess
constraint = {tmp_path}/constraints.txt
"""
    (tmp_path / "constraints.txt").write_text("numpy<2\n-r else.txt\n")
    found = sources(tmp_path, configured(tmp_path, text))
    expected = {
        "UV_DEFAULT_INDEX": f"https://me:{SECRET}@one.example/simple",
        "UV_INDEX": "https://two.example/simple https://three.example/simple",
        "UV_INSECURE_HOST": "two.example three.example",
        "SSL_CERT_FILE": "/some/bundle.pem",
        "SSL_CLIENT_CERT": "/some/client.pem",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "UV_FIND_LINKS": "/some/wheels",
        "UV_HTTP_TIMEOUT": "7",
        "UV_KEYRING_PROVIDER": "subprocess",
        "UV_NO_CONFIG": "1",
    }
    assert expected.items() <= found.environment.items()
    assert found.constraints == ("numpy<2",)
    assert SECRET not in repr(found)
    assert found.without_secrets(f"a {SECRET} //u:{SECRET}@b") == "a **** //b"


CODED = ("p@ss/w:rd %1", "p%40ss%2Fw%3Ard%20%251", "bWU6cEBzcy93OnJkICUx")


@pytest.mark.parametrize("by", ["address", "netrc", "home", "variables", "proxy"])
@pytest.mark.parametrize("said", CODED, ids=["plain", "percent", "base64"])
def test_secret_is_told_in_no_coding(tmp_path: Path, by: str, said: str) -> None:
    """Whoever says it, uv or an index, and wherever the operator has written it down."""
    plain, percent, _ = CODED
    (tmp_path / "given").write_text(f'machine a.example login me password "{plain}"\n')
    (tmp_path / ".netrc").write_text(f'machine a.example login me password "{plain}"\n')
    (tmp_path / ".netrc").chmod(0o600)
    environment = {
        "address": {"UV_DEFAULT_INDEX": f"https://me:{percent}@a.example/simple"},
        "netrc": {"NETRC": str(tmp_path / "given")},
        "home": {"HOME": str(tmp_path)},
        "variables": {"UV_INDEX_A_USERNAME": "me", "UV_INDEX_A_PASSWORD": plain},
        "proxy": {"HTTPS_PROXY": f"http://me:{percent}@a.example:3128"},
    }[by]
    found = sources(tmp_path / "environments", environment)
    assert found.without_secrets(f"error: {said}!") == "error: ****!"
    assert found.without_secrets(f"https://me:{plain.split('/')[0]}@a.example") == (
        "https://a.example"
    )
    assert plain not in repr(found)


def test_uvs_own_variables_come_before_pips(tmp_path: Path) -> None:
    """Who has set them means them."""
    environment = {
        "UV_INDEX_URL": "https://uv.example",
        "PIP_INDEX_URL": "https://pip.example",
        "PIP_EXTRA_INDEX_URL": "https://extra.example",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }
    found = sources(tmp_path, builder_environment(environment)).environment
    assert found["UV_DEFAULT_INDEX"] == "https://uv.example"
    assert "UV_INDEX" not in found
    assert "UV_INDEX_STRATEGY" not in found


def test_builder_is_given_nothing_of_the_registry() -> None:
    """An allow-list: what nobody has thought of is not there."""
    secrets = ("MLFLOW_TRACKING_PASSWORD", "AWS_SECRET_ACCESS_KEY", "PODIUM_ADMIN_TOKEN")
    kept = {"PIP_INDEX_URL": "a", "https_proxy": "b", "SSL_CERT_FILE": "c", "HOME": "d"}
    others = {"UV_PYTHON": "e", "UV_CACHE_DIR": "f", "PYTHONPATH": "g", "LD_PRELOAD": "h"}
    assert builder_environment({**dict.fromkeys(secrets, "x"), **kept, **others}) == kept


@pytest.mark.parametrize(
    ("wished", "asked"),
    [
        ("https://other.example/simple", None),
        ("https://one.example/else", f"https://me:{SECRET}@one.example/else"),
        ("https://one.example:443/else", f"https://me:{SECRET}@one.example:443/else"),
        ("http://one.example/else", None),
        ("http://one.example:443/else", None),
        ("https://one.example:80/else", None),
        ("https://one.example:8443/else", None),
        ("https://one.example./else", None),
        ("https://allowed.example:8443/simple", "https://allowed.example:8443/simple"),
        ("http://allowed.example:8443/simple", None),
        ("https://one.example.evil.example/else", None),
        ("https://evil.example//one.example/else", None),
        ("http://127.0.0.1:1//one.example/else", None),
        ("https://evil.example/?x=https://one.example/else", None),
        ("https://evil.example/#//one.example/else", None),
        ("https://evil.example\\@one.example/else", None),
        ("https://one.example\\.evil.example/else", None),
        ("https://evil.example//own.example/simple", None),
        ("https://public.example/simple", None),
        ("https://[::1]:8443/simple", "https://[::1]:8443/simple"),
        ("https://[::2]:8443/simple", None),
    ],
)
def test_index_that_a_version_names_is_asked_if_its_host_is_allowed(
    tmp_path: Path, wished: str, asked: str | None
) -> None:
    """With the operator's credentials for that host, and never without TLS by them."""
    own = f"https://me:{SECRET}@one.example/simple"
    allowed = ("one.example", "allowed.example:8443", "[::1]:8443")
    found = sources(tmp_path, {"PIP_INDEX_URL": own}, wished, indexes=allowed)
    known = found.environment
    every = [*known.get("UV_INDEX", "").split(), known["UV_DEFAULT_INDEX"]]
    assert every == [own, *filter(None, [asked])]
    assert [code for code, _ in found.findings] == ([] if asked else ["index_not_allowed"])


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({}, "10"),
        ({"PIP_TIMEOUT": "40"}, "40"),
        ({"UV_HTTP_TIMEOUT": "50"}, "50"),
        ({"PIP_TIMEOUT": "40", "UV_HTTP_TIMEOUT": "50"}, "50"),
    ],
)
def test_index_that_never_answers_is_given_up_soon_unless_the_operator_waits(
    tmp_path: Path, given: dict[str, str], seconds: str
) -> None:
    """Until then nothing stands in for the version."""
    found = sources(tmp_path, given).environment
    assert (found["UV_HTTP_TIMEOUT"], found["UV_HTTP_RETRIES"]) == (seconds, "2")


def test_place_of_packages_that_cannot_be_asked_is_a_finding(tmp_path: Path) -> None:
    """The operator's index is asked instead; the finding says where the line is."""
    given = EnvironmentSettings(tmp_path, builder_environment={"PIP_CONFIG_FILE": os.devnull})
    found = package_sources(given, (), ("Line 2 of requirements.txt",))
    ((code, sentence),) = found.findings
    assert code == "index_not_allowed"
    assert sentence.startswith("Line 2 of requirements.txt names a place of packages")
    assert "UV_INDEX" not in found.environment


@pytest.mark.parametrize(
    ("wished", "findings"),
    [
        ("https://one.example/mine/simple/", []),
        ("https://one.example/theirs/simple", ["index_not_allowed"]),
    ],
)
def test_other_indexes_of_the_operators_hosts_are_not_allowed_by_that(
    tmp_path: Path, wished: str, findings: list[str]
) -> None:
    """Many share a host with strangers; the operator's own is asked anyway."""
    own = {"PIP_INDEX_URL": f"https://me:{SECRET}@one.example/mine/simple"}
    found = sources(tmp_path, own, wished)
    assert found.environment["UV_DEFAULT_INDEX"] == own["PIP_INDEX_URL"]
    assert not found.environment.get("UV_INDEX")
    assert [code for code, _ in found.findings] == findings


@pytest.mark.parametrize(
    ("wished", "remedy"),
    [
        ("https://house.example/simple", "PODIUM_INDEXES"),
        ("http://house.example/simple", "extra-index-url"),
    ],
)
def test_index_that_is_not_asked_is_told_with_what_would_have_it_asked(
    tmp_path: Path, wished: str, remedy: str
) -> None:
    """PODIUM_INDEXES takes hosts of TLS alone."""
    ((_, sentence),) = sources(tmp_path, {}, wished).findings
    assert remedy in sentence


def test_index_that_a_version_names_is_asked_after_the_operators(tmp_path: Path) -> None:
    """Though the version may name it; uv's own is last, where the operator names none."""
    named = ("https://two.example/simple", "https://three.example/simple")
    allowed = ("two.example", "three.example")
    own = "https://own.example/simple"
    found = sources(tmp_path, {"PIP_INDEX_URL": own}, *named, indexes=allowed).environment
    assert [*found["UV_INDEX"].split(), found["UV_DEFAULT_INDEX"]] == [own, *named]
    found = sources(tmp_path, {}, *named, indexes=allowed).environment
    assert (found["UV_INDEX"].split(), "UV_DEFAULT_INDEX" in found) == ([*named], False)


@pytest.mark.parametrize("by", ["pip.conf", "netrc", "version"])
async def test_private_index_is_asked_with_credentials_that_stand_nowhere_else(
    tmp_path: Path, index: PackageIndex, by: str
) -> None:
    """In no file that is left, nor in what is known of the environment."""
    known = index.url.replace("//", f"//me:{SECRET}@")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login me password {SECRET}\n")
    with package_index() as public:
        environment = {
            "pip.conf": {"UV_DEFAULT_INDEX": "", "PIP_INDEX_URL": known},
            "netrc": {"NETRC": str(netrc), "UV_DEFAULT_INDEX": index.url},
            "version": {"UV_INDEX": known.replace("/simple", "/else")},
        }[by]
        here = (index.url.removesuffix("/simple"),) if by == "version" else ()
        given = settings(tmp_path, public.url, environment=environment, indexes=here)
        async with environments(given) as made:
            built = await made.environment(wish("mine==1.0", indexes=(index.url,)))
    assert built.packages["mine"] == "1.0"
    assert SECRET not in repr(built)
    assert held(given.folder, SECRET) == []


async def test_wrong_credentials_are_told_without_them(tmp_path: Path, index: PackageIndex) -> None:
    """Neither in the sentence nor in what the log gets."""
    wrong = index.url.replace("//", "//me:wrong-secret@")
    async with environments(settings(tmp_path, wrong)) as made:
        with pytest.raises(EnvironmentDelayed) as delayed:
            await made.environment(wish("mine==1.0"))
    assert delayed.value.reason == "index_unauthorized"
    assert "wrong-secret" not in f"{delayed.value.message}{delayed.value.detail}"


async def test_index_that_is_not_asked_is_told_where_a_package_is_missing(tmp_path: Path) -> None:
    """It may be there that it is."""
    with package_index() as public:
        async with environments(settings(tmp_path, public.url)) as made:
            with pytest.raises(EnvironmentRefused) as refused:
                await made.environment(wish("mine==1.0", indexes=("https://own.example/simple",)))
    assert refused.value.reason == "package_nowhere"
    assert "own.example" in refused.value.message
    assert "PODIUM_INDEXES" in refused.value.message


@pytest.mark.parametrize("told", [True, False])
async def test_private_index_by_tls_is_trusted_by_pips_certificate(
    tmp_path: Path,
    told: bool,  # noqa: FBT001 - of two cases
) -> None:
    """Whose authority no machine knows."""
    with package_index(tls=signed_certificate(tmp_path)) as private:
        private.add("mine", "1.0")
        environment = {"PIP_CERT": str(tmp_path / "authority.pem")} if told else {}
        given = settings(tmp_path, private.url, environment=environment)
        async with environments(given) as made:
            if told:
                assert (await made.environment(wish("mine==1.0"))).built
                return
            with pytest.raises(EnvironmentDelayed) as delayed:
                await made.environment(wish("mine==1.0"))
    assert delayed.value.reason == "index_untrusted"
