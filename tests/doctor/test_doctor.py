"""`podium doctor` on set-ups that are really broken: it names each, and nothing else."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from service.cli.doctor import DoctorReport
from service.cli.exits import DONE, REFUSED
from service.doctor.labels import KNOWN_TAGS
from service.doctor.rights import HeldGrant, idle_grants, missing_rights
from tests.promotion.test_commands import podium
from tests.support import models
from tests.support.documents import ROOT
from tests.support.registered import Registry
from tests.support.tracking import free_port

NAME: Final = "wine"


@dataclass(frozen=True)
class Ground:
    """A registry in a file with one model that can be served, and variables that name both."""

    registry: Registry
    folder: Path
    saved: Path
    variables: dict[str, str]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model."""
    return models.save(tmp_path_factory.mktemp("saved"), "confiding")


@pytest.fixture
def ground(tracking_uri: str, tmp_path: Path, saved: Path) -> Ground:
    """Nothing is wrong yet."""
    registry = Registry(tracking_uri, NAME)
    registry.add(saved, "champion")
    variables = {"MLFLOW_TRACKING_URI": tracking_uri, "PODIUM_MODELS": f"{NAME}@champion"}
    return Ground(registry, tmp_path, saved, variables)


def examined(variables: Mapping[str, str]) -> Any:
    """What the command finds."""
    uri = variables.get("MLFLOW_TRACKING_URI", "")
    others = {name: text for name, text in variables.items() if name != "MLFLOW_TRACKING_URI"}
    done = podium("doctor", "--json", uri=uri, **others)
    assert done.exit_code in {DONE, REFUSED}, done.output
    report = json.loads(done.stdout)
    assert report["status"] == done.exit_code
    return report["troubles"]


def quotes(ground: Ground) -> None:
    """An env file's quotes are a part of the value."""
    ground.variables["MLFLOW_TRACKING_URI"] = f"'{ground.registry.tracking_uri}'"


def no_scheme(ground: Ground) -> None:
    """A host and a port alone."""
    ground.variables["MLFLOW_TRACKING_URI"] = f"127.0.0.1:{free_port()}"


def nobody_listens(ground: Ground) -> None:
    """A server that is not there."""
    ground.variables["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{free_port()}"


def no_certificate(ground: Ground) -> None:
    """A CA file that is not there."""
    ground.variables["MLFLOW_TRACKING_URI"] = f"https://127.0.0.1:{free_port()}"
    ground.variables["MLFLOW_TRACKING_SERVER_CERT_PATH"] = str(ground.folder / "none.pem")


def dead_proxy(ground: Ground) -> None:
    """A proxy that does not answer."""
    ground.variables["MLFLOW_TRACKING_URI"] = "http://mlflow.invalid"
    ground.variables["HTTP_PROXY"] = f"http://127.0.0.1:{free_port()}"
    ground.variables["NO_PROXY"] = ""


def database_elsewhere(ground: Ground) -> None:
    """A database named by its own variables."""
    ground.variables["MLFLOW_TRACKING_URI"] = "postgresql+psycopg2:///mlflow"
    port = str(free_port())
    ground.variables.update({"PGHOST": "127.0.0.1", "PGPORT": port, "PGUSER": "podium"})


def no_model(ground: Ground) -> None:
    """A name that the registry does not have."""
    ground.variables["PODIUM_MODELS"] = "other@champion"


def no_alias(ground: Ground) -> None:
    """An alias that the model does not have."""
    ground.variables["PODIUM_MODELS"] = f"{NAME}@gone"


def no_files(ground: Ground) -> None:
    """A version whose files are gone."""
    nowhere = str(ground.folder / "nowhere")
    ground.registry.client.create_model_version(NAME, nowhere)
    ground.registry.move("champion", "2")


def missing_package(ground: Ground) -> None:
    """A package that is not installed."""
    place = Path(shutil.copytree(ground.saved, ground.folder / "two"))
    (place / "requirements.txt").write_text("podium-needs-this==1\n")
    ground.registry.add(place, "champion")


def misspelled_variable(ground: Ground) -> None:
    """A setting that is none."""
    ground.variables["PODIUM_POL_SECONDS"] = "5"


def misspelled_tag(ground: Ground) -> None:
    """A model's tag that nothing reads."""
    ground.registry.client.set_registered_model_tag(NAME, "podium.batchin", "row-wise")


def misspelled_version_tag(ground: Ground) -> None:
    """A version's."""
    ground.registry.client.set_model_version_tag(NAME, "1", "podium.blockd", "slow")


CASES: Final[Mapping[Callable[[Ground], None], tuple[str, str, str]]] = {
    quotes: ("MLFLOW_TRACKING_URI", "address_wrong", "remove them"),
    no_scheme: ("MLFLOW_TRACKING_URI", "address_wrong", "write http://HOST:PORT"),
    nobody_listens: ("the registry", "registry_unreachable", ""),
    no_certificate: ("the registry", "registry_certificate_file", ""),
    dead_proxy: ("the registry", "registry_proxy", "PROXY"),
    database_elsewhere: ("the registry", "registry_database", "PGHOST"),
    no_model: ("other@champion", "model_missing", "check the name"),
    no_alias: (f"{NAME}@gone", "alias_missing", f"podium promote {NAME} VERSION --alias gone"),
    no_files: (f"{NAME}@champion (version 2)", "artifact_missing", "log the model again"),
    missing_package: (f"{NAME}@champion (version 2)", "package_missing", "podium-needs-this"),
    misspelled_variable: ("PODIUM_POL_SECONDS", "unknown_variable", "PODIUM_POLL_SECONDS"),
    misspelled_tag: (NAME, "unknown_tag", "podium.batching"),
    misspelled_version_tag: (f"{NAME} 1", "unknown_tag", "podium.blocked"),
}


# Each of the others starts the service's own processes, which takes seconds: `make doctor-cases`.
QUICK: Final = (quotes, no_scheme, missing_package)
TRIED: Final = tuple(CASES) if os.environ.get("TEST_DOCTOR_ALL") else QUICK


@pytest.mark.parametrize("breaking", TRIED, ids=lambda each: each.__name__)
def test_one_thing_that_is_wrong_is_named_alone(
    breaking: Callable[[Ground], None], ground: Ground
) -> None:
    """With its code, and what mends it."""
    breaking(ground)
    (found,) = examined(ground.variables)
    subject, code, mend = CASES[breaking]
    assert (found["subject"], found["code"]) == (subject, code)
    assert mend in found["sentence"]


def test_nothing_is_found_where_nothing_is_wrong(ground: Ground) -> None:
    """The model is read and judged all the same."""
    assert examined(ground.variables) == []
    shown = podium("doctor", uri=ground.registry.tracking_uri, PODIUM_MODELS=f"{NAME}@champion")
    assert "nothing is wrong" in shown.stdout


def test_several_things_are_named_together(ground: Ground) -> None:
    """Each once."""
    for breaking in (no_alias, misspelled_variable, misspelled_tag):
        breaking(ground)
    assert sorted(each["code"] for each in examined(ground.variables)) == [
        *("alias_missing", "unknown_tag", "unknown_variable"),
    ]


def test_grants_that_match_nothing_are_told_apart() -> None:
    """MLflow takes a pattern, and compares it as a name."""
    held = [
        HeldGrant("registered_model", pattern, "READ")
        for pattern in ("*", "prod.*", "gone", "wine")
    ]
    found = idle_grants([*held, HeldGrant("experiment", "7", "READ")], {"wine"})
    assert [each.subject for each in found] == ["READ on prod.*", "READ on gone"]
    assert "exact names" in found[0].sentence


@pytest.mark.parametrize(
    ("role", "held", "missing"),
    [
        ("service", "READ", False),
        ("validator", "READ", True),
        ("validator", "EDIT", False),
        ("promoter", "READ", True),
        ("promoter", "MANAGE", False),
        ("owner", "EDIT", True),
    ],
)
def test_rights_are_those_of_the_role(role: Any, held: str, *, missing: bool) -> None:
    """What the account lacks is named, with what it is for."""
    found = missing_rights(role, ["wine"], lambda _, __: held)
    assert [each.code for each in found] == ["permission_missing"] * missing


def test_validator_may_have_edit_on_versions_alone() -> None:
    """As `deploy/mlflow/grants.py` gives it."""

    def held(kind: str, _: str) -> str:
        return "EDIT" if kind == "registered_model_version" else "READ"

    assert not missing_rights("validator", ["wine"], held)


def test_every_tag_of_podium_is_known() -> None:
    """Whoever adds one adds it there, or it would be called a mistake."""
    text = "\n".join(each.read_text() for each in (ROOT / "service").rglob("*.py"))
    for tag in KNOWN_TAGS:
        assert f'"{tag}' in text


def test_schema_is_the_one_that_is_documented() -> None:
    """By `model_json_schema`, which also writes it anew."""
    schema = json.loads((ROOT / "docs/schemas/doctor.json").read_text())
    assert schema == DoctorReport.model_json_schema(mode="serialization")
