"""`podium copy`, as it is typed: what it prints, and how it ends."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.copy import CopyReport
from service.cli.main import main
from service.exits import DONE, REFUSED, UNDECIDED, WRONG_USE
from tests.copying.conftest import registered
from tests.support.documents import ROOT
from tests.support.tracking import free_port


def podium(*arguments: str, uri: str, home: Path, **environment: str) -> Result:
    """What the command prints and ends with."""
    given = {"MLFLOW_TRACKING_URI": uri, "PODIUM_HOME": str(home), "USER": "ada", **environment}
    return CliRunner(env=given).invoke(main, ("copy", *arguments), prog_name="podium")


@pytest.fixture(scope="module")
def known(mlflow_server: str, saved: Path) -> str:
    """The server's address, where there is a model `b.known`."""
    registered(mlflow_server, "b.known", saved)
    return mlflow_server


def test_schema_of_the_report_is_the_one_that_is_documented() -> None:
    """Programs read it."""
    written = json.loads((ROOT / "docs/schemas/copy.json").read_text())
    assert written == CopyReport.model_json_schema(mode="serialization")


def test_link_says_who_may_still_alter_it_and_the_house_has_its_own_words(
    mlflow_server: str, saved: Path, tmp_path: Path
) -> None:
    """Each time; the version keeps who has made it, and why."""
    source = registered(mlflow_server, "dev.typed", saved)
    words = {"PODIUM_VALIDATION_STATUS": "quality=open,good,bad"}
    link = ("dev.typed", "1", "--to", "prod.typed", "--link", "--json", "--reason", "a try")
    for code in ("done", "already"):
        ended = podium(*link, uri=mlflow_server, home=tmp_path / "home", **words)
        told = json.loads(ended.stdout)
        assert (ended.exit_code, told["code"], told["to_version"]) == (DONE, code, "1")
        assert "may still alter what this version downloads" in told["notes"][-1]
        assert ended.stderr.startswith(f"MLflow   {mlflow_server}")
    tags = source.client.get_model_version("prod.typed", "1").tags
    assert (tags["quality"], json.loads(tags["podium.copied"])["reason"]) == ("open", "a try")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("a.absent", "1", "--to", "b"), WRONG_USE, "the registry has no model a.absent"),
        (("a.absent", "1"), WRONG_USE, "Missing option '--to'"),
        *(
            (("b.known", "1", "--to", each), WRONG_USE, "neither / nor :")
            for each in ("a/b", "a:b")
        ),
        (("b.known", "1", "--to", " "), WRONG_USE, "name of a model is missing"),
        (("b/known", "1", "--to", "c"), WRONG_USE, "neither / nor :"),
        (("a.absent", "1", "--to", "b", "--tag", "podium.blocked"), WRONG_USE, "it stays there"),
        (("a.absent", "1", "--to", "b", "--tag", "validation_status"), WRONG_USE, "it stays there"),
        (("a.absent", "1", "--to", "b", "--to-uri", "127.0.0.1:80"), WRONG_USE, "has no http://"),
        (("b.known", "1", "--to", "b.known"), REFUSED, "is the model itself"),
        (("b.known", "9", "--to", "c"), WRONG_USE, "the model b.known has no version 9"),
    ],
)
def test_command_that_cannot_go_on_says_why(
    known: str, tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    """In one sentence, and nothing is changed."""
    ended = podium(*arguments, uri=known, home=tmp_path / "home")
    assert ended.exit_code == status, ended.output
    assert said in " ".join(ended.output.split())


def test_server_that_does_not_answer_is_undecided(tmp_path: Path) -> None:
    """It may be tried again."""
    uri = f"http://127.0.0.1:{free_port()}"
    ended = podium("a", "1", "--to", "b", uri=uri, home=tmp_path / "home")
    assert ended.exit_code == UNDECIDED
    assert "MLflow does not answer" in ended.output
