"""Variables, names, tags and files that are wrong: no server is needed for these."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from re import Match

from tests.doctor.ground import NAME, Broken, Ground
from tests.support.registered import Registry
from tests.support.tracking import free_port


@contextmanager
def quotes(ground: Ground) -> Iterator[Broken]:
    """An env file's quotes are a part of the value."""
    name = "MLFLOW_TRACKING_URI"
    ground.variables[name] = f"'{ground.registry.tracking_uri}'"

    def remove(found: Match[str]) -> None:
        ground.variables[found[1]] = ground.variables[found[1]].strip("'")

    yield Broken(name, "address_wrong", r"(\w+) stands in quotes.*remove them", remove)


@contextmanager
def nobody_named(ground: Ground) -> Iterator[Broken]:
    """No MLflow at all."""
    uri = ground.variables.pop("MLFLOW_TRACKING_URI")

    def name(found: Match[str]) -> None:
        ground.variables[found[1]] = uri

    yield Broken("MLFLOW_TRACKING_URI", "no_registry", r"Set (\w+)=http://HOST:PORT", name)


@contextmanager
def bad_setting(ground: Ground) -> Iterator[Broken]:
    """A value that a setting does not take."""
    ground.variables["PODIUM_POLL_SECONDS"] = "soon"

    def correct(found: Match[str]) -> None:
        ground.variables[found[1]] = "5"

    yield Broken("settings", "setting_wrong", r"(PODIUM_POLL_SECONDS)\b.*number", correct)


@contextmanager
def misspelled_variable(ground: Ground) -> Iterator[Broken]:
    """A setting that is none."""
    ground.variables["PODIUM_POL_SECONDS"] = "5"

    def rename(found: Match[str]) -> None:
        ground.variables[found[2]] = ground.variables.pop(found[1])

    says = r"'(\w+)' is not a setting.*did you mean (\w+)\?"
    yield Broken("PODIUM_POL_SECONDS", "unknown_variable", says, rename)


@contextmanager
def home_below_a_file(ground: Ground) -> Iterator[Broken]:
    """Nothing can be kept there."""
    (ground.folder / "file").write_text("")
    ground.variables["PODIUM_HOME"] = str(ground.folder / "file" / "home")

    def choose(found: Match[str]) -> None:
        ground.variables[found[1]] = str(ground.folder / "home")

    yield Broken("PODIUM_HOME", "home_unusable", r"set (\w+) to another folder", choose)


@contextmanager
def no_model(ground: Ground) -> Iterator[Broken]:
    """A name that the registry does not have."""
    ground.variables["PODIUM_MODELS"] = "other@champion"

    def register(found: Match[str]) -> None:
        other = Registry(ground.registry.tracking_uri, "other")
        other.add(ground.saved, found[1])

    says = r"register it and set its alias (\w+)"
    yield Broken("other@champion", "model_missing", says, register)


@contextmanager
def no_alias(ground: Ground) -> Iterator[Broken]:
    """An alias that the model does not have; what is told is to be typed."""
    ground.variables["PODIUM_MODELS"] = f"{NAME}@gone"
    ground.variables["PODIUM_HOME"] = str(ground.folder / "home")

    def type_it(found: Match[str]) -> None:
        ground.type_what_is_told(found[0], VERSION="1")

    says = r"once `podium validate .*` has passed, `podium promote .*` sets it"
    yield Broken(f"{NAME}@gone", "alias_missing", says, type_it)


@contextmanager
def no_files(ground: Ground) -> Iterator[Broken]:
    """A version whose files are gone."""
    gone = Path(shutil.copytree(ground.saved, ground.folder / "gone"))
    ground.registry.add(gone, "champion")
    shutil.rmtree(gone)

    def log(_: Match[str]) -> None:
        ground.registry.add(ground.saved, "champion")

    says = "log the model again, and move the alias to the new version"
    yield Broken(f"{NAME}@champion (version 2)", "artifact_missing", says, log)


@contextmanager
def missing_package(ground: Ground) -> Iterator[Broken]:
    """A package that is not installed, and that another one may stand in for."""
    place = Path(shutil.copytree(ground.saved, ground.folder / "two"))
    (place / "requirements.txt").write_text("podium-needs-this==1\n")
    ground.registry.add(place, "champion")

    def ignore(found: Match[str]) -> None:
        ground.variables[found[1]] = found[2]

    says = r"podium-needs-this.*set (PODIUM_\w+)=(\w+)"
    yield Broken(f"{NAME}@champion (version 2)", "package_missing", says, ignore)


@contextmanager
def misspelled_tag(ground: Ground) -> Iterator[Broken]:
    """A model's tag that nothing reads."""
    client = ground.registry.client
    client.set_registered_model_tag(NAME, "podium.batchin", "rows")

    def set_on_the_version(found: Match[str]) -> None:
        client.set_model_version_tag(NAME, "1", found[2], "rows")
        client.delete_registered_model_tag(NAME, found[1])

    says = r"the tag (\S+) of .*: if (\S+) is meant, set that on the version; delete this one"
    yield Broken(NAME, "unknown_tag", says, set_on_the_version)


@contextmanager
def tag_in_the_wrong_place(ground: Ground) -> Iterator[Broken]:
    """A version's, on the model: nobody would be kept from anything."""
    client = ground.registry.client
    client.set_registered_model_tag(NAME, "podium.retry", "false")

    def move(found: Match[str]) -> None:
        client.set_model_version_tag(NAME, "1", found[1], "false")
        client.delete_registered_model_tag(NAME, found[1])

    says = r"the tag (\S+) of .*: .* set it on the version, and delete it here"
    yield Broken(NAME, "unknown_tag", says, move)


@contextmanager
def misspelled_version_tag(ground: Ground) -> Iterator[Broken]:
    """A version's that nothing reads."""
    client = ground.registry.client
    client.set_model_version_tag(NAME, "1", "podium.allow_braking", "true")

    def set_that(found: Match[str]) -> None:
        client.set_model_version_tag(NAME, "1", found[2], "true")
        client.delete_model_version_tag(NAME, "1", found[1])

    says = r"the tag (\S+) of .*: if (\S+) is meant, set that; delete this one"
    yield Broken(f"{NAME} 1", "unknown_tag", says, set_that)


@contextmanager
def strange_alias(ground: Ground) -> Iterator[Broken]:
    """One that the house does not know."""
    ground.registry.move("champoin", "1")
    ground.variables["PODIUM_ALIASES"] = "champion,challenger"

    def delete(found: Match[str]) -> None:
        ground.registry.client.delete_registered_model_alias(found[2], found[1])

    says = r"The alias (\S+) of (\S+) is not one of PODIUM_ALIASES .*or delete it"
    yield Broken(f"{NAME}@champoin", "unknown_alias", says, delete)


@contextmanager
def nobody_serves(ground: Ground) -> Iterator[Broken]:
    """No service at the address that is given."""
    url = f"http://127.0.0.1:{free_port()}"
    ground.arguments += ["--url", url]

    def correct(found: Match[str]) -> None:
        ground.arguments.remove(found[1])
        ground.arguments.remove(url)

    yield Broken(url, "service_unreachable", r"or correct (--url)", correct)
