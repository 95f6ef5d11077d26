"""compose.yaml, as far as it can be told without an engine; `test_composed.py` runs it."""

import json
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator, ValidationError  # type: ignore[import-untyped]

from service.config.settings import Settings
from tests.support.documents import ROOT

FOLDER = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# They end once they have done what they are for.
ONCE = {"bucket", "accounts"}
# It names its draft in a way that the library does not know.
SCHEMA = Draft201909Validator(json.loads((ROOT / "tests/deploy/compose-spec.json").read_text()))
NAMES = [*SERVICES]


def test_file_is_as_the_specification_has_it() -> None:
    """By the schema of the Compose Specification."""
    # It is of 2022: a project's name came later.
    SCHEMA.validate({key: value for key, value in COMPOSE.items() if key != "name"})
    assert COMPOSE["name"] == "podium"


def test_key_that_the_specification_does_not_know_is_found_out() -> None:
    """`healthchecks` for `healthcheck` would else be left out by some engines."""
    wrong = {"services": {"podium": {"image": "podium:1", "healthchecks": {}}}}
    with pytest.raises(ValidationError, match="healthchecks"):
        SCHEMA.validate(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_every_image_is_pinned(name: str) -> None:
    """`latest`, or a name alone, is another one tomorrow."""
    assert re.fullmatch(r"[a-z0-9/-]+:\w*\d+\.\d+(\.\d+)?", SERVICES[name]["image"])


def test_only_the_proxy_is_published_and_that_to_this_machine_alone() -> None:
    """Whoever takes the file as it is opens nothing to a network."""
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    assert [*published] == ["proxy"]
    assert all(port.startswith("127.0.0.1:") for port in published["proxy"])


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ONCE])
def test_every_service_that_stays_has_a_healthcheck(name: str) -> None:
    """Others wait for it."""
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", NAMES)
def test_whoever_is_waited_for_can_be_waited_for(name: str) -> None:
    """Healthy where there is a healthcheck, ended well where it ends."""
    for other, how in SERVICES[name].get("depends_on", {}).items():
        ends = how["condition"] == "service_completed_successfully"
        assert ends == (other in ONCE), other
        assert ends or how["condition"] == "service_healthy"


@pytest.mark.parametrize("name", NAMES)
def test_secrets_come_as_files_alone(name: str) -> None:
    """What stands in a variable is shown by `inspect`."""
    service = SERVICES[name]
    for key, value in service.get("environment", {}).items():
        if re.search(r"PASSWORD|TOKEN|SECRET|KEY(?!_ID)", key):
            assert re.fullmatch(r".*_FILE", key), key
            assert Path(value).parent == Path("/run/secrets"), key
    used = set(re.findall(r"/run/secrets/([\w.-]+)", json.dumps(service)))
    assert used <= {*service.get("secrets", ())}


def test_secrets_that_are_mounted_are_those_that_the_script_makes(tmp_path: Path) -> None:
    """Each once, in a folder that its owner alone may enter; a second run changes none."""
    folder = tmp_path / "secrets"
    command = ["sh", str(FOLDER / "secrets.sh"), str(folder)]
    subprocess.run(command, check=True)
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert {*made} == {Path(each["file"]).name for each in COMPOSE["secrets"].values()}
    assert {*made} == {name for each in SERVICES.values() for name in each.get("secrets", ())} | {
        *("trainer-password",)
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len({*made.values()}) == len(made)
    assert not any(text == "" or text.endswith("\n\n") for text in made.values())
    json.loads(made["s3.json"])
    subprocess.run(command, check=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made


def test_every_file_that_is_mounted_is_there() -> None:
    """An engine would make a folder of its name instead."""
    mounted = [
        each.partition(":")[0]
        for service in SERVICES.values()
        for each in service.get("volumes", ())
        if each.startswith(".")
    ]
    assert len(mounted) > 5
    assert [each for each in mounted if not (FOLDER / each).exists()] == []


def test_every_variable_of_podium_is_a_setting() -> None:
    """A misspelt one would only be warned of."""
    ours = {name for name in SERVICES["podium"]["environment"] if name.startswith("PODIUM_")}
    known = {f"PODIUM_{name.upper()}" for name in Settings.model_fields}
    assert ours
    assert {name.removesuffix("_FILE") for name in ours} <= known


def test_podium_stops_within_the_time_that_it_is_given() -> None:
    """The delay and the drain, before the engine kills."""
    service = SERVICES["podium"]
    delay = float(service["environment"]["PODIUM_STOP_DELAY_SECONDS"])
    drain = Settings.model_fields["drain_seconds"].default
    assert float(service["stop_grace_period"].removesuffix("s")) > delay + drain


def test_mlflow_is_of_the_release_that_podium_is_tested_with() -> None:
    """Its image takes every pin of Podium's."""
    pins = (ROOT / "constraints.txt").read_text()
    assert f"\nmlflow=={SERVICES['mlflow']['image'].rpartition(':')[2]}\n" in pins
    assert "--constraint /tmp/constraints.txt" in (FOLDER / "mlflow/Dockerfile").read_text()
