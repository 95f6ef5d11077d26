"""`podium promote` and `podium rollback`, as they are typed: what they print, and how they end."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from service.cli.main import main
from service.cli.promote import PromoteReport
from service.cli.rollback import RollbackReport
from service.cli.told import Report
from service.exits import DONE, IN_PART, REFUSED, UNDECIDED, WRONG_USE
from service.registry.store.manifest import combined
from tests.checks.scripted import scripted
from tests.promotion.conftest import NAME, Moves
from tests.promotion.test_instances import slot
from tests.promotion.test_prepare import told
from tests.promotion.test_promote_bakes import BAKES
from tests.support import models
from tests.support.registered import Registry
from tests.support.tracking import free_port

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
REPORTS: dict[str, type[Report]] = {"promote": PromoteReport, "rollback": RollbackReport}


def podium(*arguments: str, uri: str, **environment: str) -> Result:
    """What a command prints and ends with."""
    given = {"MLFLOW_TRACKING_URI": uri, "USER": "ada", "LOGNAME": "ada", **environment}
    return CliRunner(env=given).invoke(main, arguments, prog_name="podium")


def report(result: Result) -> Any:
    """The one JSON object on stdout."""
    return json.loads(result.stdout)


@pytest.mark.parametrize("command", REPORTS)
def test_schema_of_a_report_is_the_one_that_is_documented(command: str) -> None:
    """By `model_json_schema`, which also writes it anew."""
    written = json.loads((SCHEMAS / f"{command}.json").read_text())
    assert written == REPORTS[command].model_json_schema(mode="serialization")


def test_promotions_and_rollbacks_as_they_are_typed(moves: Moves) -> None:
    """Each twice, as one object: what is there already is found."""
    promote = ("promote", NAME, "--unvalidated", "a test", "--json")
    first = podium(*promote, "1", "--first", uri=moves.uri)
    assert (first.exit_code, report(first)["code"]) == (DONE, "done")
    assert first.stderr.startswith(f"MLflow   {moves.uri}")
    for again, code in enumerate(("done", "already")):
        told = report(podium(*promote, "2", uri=moves.uri))
        assert (told["status"], told["code"], told["version"]) == (DONE, code, "2")
        assert told["entry"] == (None if again else 2)
    for code in ("done", "already"):
        back = podium("rollback", NAME, "--to", "1", "--json", uri=moves.uri)
        assert (back.exit_code, report(back)["code"], report(back)["version"]) == (0, code, "1")
    listed = podium("rollback", NAME, "--list", "--json", uri=moves.uri)
    kinds = [each["entry"]["kind"] for each in report(listed)["journal"]]
    assert kinds == ["rollback", "promote", "promote"]
    assert report(listed)["journal"][0]["entry"]["from"] == "2"


def test_report_of_a_move_that_stops_has_what_was_known(moves: Moves) -> None:
    """Where the alias was, where it was to go, and the entry, if there is one."""

    def known(*arguments: str) -> tuple[str, str | None, str | None, int | None]:
        found = report(podium(*arguments, "--json", uri=moves.uri))
        return found["code"], found["from"], found["version"], found["entry"]

    for each in ("1", "2"):
        moves.promote(each)
    moves.registry.client.set_model_version_tag(NAME, "4", "validation_status", "failed")
    moves.registry.move("challenger", "4")
    assert known("promote", f"{NAME}@challenger") == ("not_validated", "2", "4", None)
    assert known("rollback", NAME, "--to", "5") == ("never_there", "2", "5", None)
    instances = ("--instances", "1", "--timeout", "1", "--url", f"http://127.0.0.1:{free_port()}")
    late = ("promote", NAME, "3", "--unvalidated", "x", *instances)
    assert known(*late) == ("not_all_serve", "2", "3", 3)
    assert known("promote", NAME, "1", "--unvalidated", "x") == ("under_way", "3", "1", None)
    assert known("rollback", NAME) == ("under_way", "3", None, None)


@pytest.mark.parametrize("command", ["plan", "prepare", "promote"])
@pytest.mark.parametrize("version", ["missing", "there"])
def test_every_command_that_mlflow_stops_prints_its_object(
    shared_moves: Moves, monkeypatch: pytest.MonkeyPatch, command: str, version: str
) -> None:
    """With `--json` whoever reads it finds why, by the schema, and whom it has asked."""
    if version == "there":

        def refuse(*_: object) -> None:
            raise MlflowException("Permission denied", PERMISSION_DENIED)

        monkeypatch.setattr(MlflowClient, "get_registered_model", refuse)
    words = (command, f"{NAME}@nobody", "--json")
    ended = podium(*words, uri=shared_moves.uri, PODIUM_ADMIN_TOKEN="token")
    found = report(ended)
    expected = {
        "missing": (WRONG_USE, "resource_does_not_exist"),
        "there": (REFUSED, "permission_denied"),
    }[version]
    assert (ended.exit_code, found["code"], found["status"]) == (*expected, expected[0])
    assert (found["name"], found["version"], found["server"]) == (NAME, None, shared_moves.uri)
    assert found["sentence"]


def test_alias_that_is_not_there_is_said_with_those_that_are(moves: Moves) -> None:
    """It was probably one of them that was meant."""
    moves.registry.move("champion", "1")
    moves.registry.move("challenger", "2")
    said = "has no alias nope; it has challenger, champion"
    for words in (
        ("rollback", NAME, "--alias", "nope"),
        ("rollback", NAME, "--alias", "nope", "--to", "1"),
        ("rollback", NAME, "--alias", "nope", "--list"),
        ("promote", NAME, "1", "--alias", "nope", "--unvalidated", "x"),
        ("promote", f"{NAME}@nope"),
    ):
        assert said in podium(*words, uri=moves.uri).output


def test_pipeline_is_named_by_its_own_variables(moves: Moves) -> None:
    """Nobody has to say who they are."""
    gitlab = {
        "GITLAB_USER_LOGIN": "grace",
        "CI_COMMIT_TITLE": "Retrain",
        "CI_PIPELINE_URL": "https://ci/1",
    }
    promote = ("promote", NAME, "--unvalidated", "a test", "--first")
    podium(*promote, "1", uri=moves.uri, **gitlab)
    entry = moves.journal[0].entry
    assert (entry.by, entry.reason, entry.link) == ("grace", "Retrain", "https://ci/1")
    shown = podium("rollback", NAME, "--list", uri=moves.uri).stdout
    assert "promote   nothing -> 1  grace Retrain https://ci/1" in shown


def test_move_that_was_begun_is_shown_with_its_mend(moves: Moves) -> None:
    """By the journal, and by the next command."""
    moves.promote("1")
    moves.begin("2", moved=False, by="bob")
    shown = podium("rollback", NAME, "--list", uri=moves.uri).stdout
    assert "begun, not finished" in shown
    resume = "podium promote iris 2 --alias champion --unvalidated 'a test' --resume finishes it"
    assert f"{resume}, with the --url of each instance; podium rollback iris --alias" in shown
    stopped = podium("rollback", NAME, uri=moves.uri)
    assert stopped.exit_code == UNDECIDED
    assert podium("rollback", NAME, "--resume", uri=moves.uri).exit_code == DONE
    assert moves.now == "1"
    shown = podium("rollback", NAME, "--list", uri=moves.uri).stdout
    assert "never finished: others went on from it" in shown
    assert "begun, not finished" not in shown


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("promote", NAME, "9"), WRONG_USE, "the model iris has no version 9"),
        (("promote", "other", "1"), WRONG_USE, "the registry has no model other"),
        (("promote", f"{NAME}@nobody"), WRONG_USE, "the model iris has no alias nobody"),
        (("promote", NAME, "1", "--first"), REFUSED, "iris 1 is not validated"),
        (("promote", NAME, "1", "--alias", "latest"), WRONG_USE, "MLflow reserves 'latest'"),
        (("promote", NAME, "1", "--timeout", "600"), WRONG_USE, "--timeout must be shorter"),
        (("promote", NAME, "1", "--url", "http://127.0.0.1:9"), WRONG_USE, "which admin token?"),
        (("rollback", NAME), REFUSED, "nothing to go back to"),
    ],
)
def test_command_that_cannot_go_on_says_why(
    shared_moves: Moves, arguments: tuple[str, ...], status: int, said: str
) -> None:
    """In one sentence, and nothing is changed."""
    ended = podium(*arguments, uri=shared_moves.uri)
    assert ended.exit_code == status, ended.output
    assert said in ended.output


def test_house_names_the_aliases_that_are_moved(shared_moves: Moves) -> None:
    """The first unless another is named; a misspelt one is never made."""
    house = {"PODIUM_ALIASES": "live,next"}
    misspelt = ("promote", NAME, "1", "--alias", "nxet", "--unvalidated", "x", "--first")
    ended = podium(*misspelt, uri=shared_moves.uri, **house)
    assert ended.exit_code == WRONG_USE
    assert "nxet is not among PODIUM_ALIASES, which are live, next" in ended.output
    listed = podium("rollback", NAME, "--list", uri=shared_moves.uri, **house)
    assert listed.stdout.splitlines()[-1].startswith(f"{NAME}@live")


def test_instances_behind_no_address_are_those_where_a_service_listens(moves: Moves) -> None:
    """As every other command finds the service; nobody answers there, so that all is left open."""
    port = free_port()
    words = ("promote", NAME, "1", "--unvalidated", "x", "--first", "--instances", "2")
    ended = podium(*words, "--timeout", "1", uri=moves.uri, PODIUM_PORT=str(port))
    assert ended.exit_code == IN_PART
    assert "0 of 2 instances were seen to serve it" in ended.output
    assert f"127.0.0.1:{port}" in ended.output


def test_plan_of_what_promote_would_refuse_ends_as_promote_would(shared_moves: Moves) -> None:
    """Although the service would serve it; and who has asked is told."""
    with scripted([told("passed")]) as service:
        ended = podium(
            *("plan", NAME, "1", "--url", service.url, "--by", "bob", "--json"),
            uri=shared_moves.uri,
            PODIUM_ADMIN_TOKEN="token",
        )
    found = report(ended)
    assert (ended.exit_code, found["status"], found["by"]) == (REFUSED, REFUSED, "bob")
    assert (found["validation"]["code"], found["services"][0]["forecast"]) == (
        "not_validated",
        "would_serve",
    )


def test_preparation_says_whom_it_asks_and_who_has_asked(shared_moves: Moves) -> None:
    """MLflow is not asked for a version that is named by its number."""
    with scripted([told("ready")]) as service:
        ended = podium(
            *("prepare", NAME, "1", "--url", service.url, "--link", "https://ci/1", "--json"),
            uri=shared_moves.uri,
            PODIUM_ADMIN_TOKEN="token",
        )
    assert (ended.exit_code, report(ended)["link"]) == (DONE, "https://ci/1")
    assert ended.stderr.startswith(f"service  {service.url}")


def test_promotion_to_what_nobody_asks_while_it_bakes_is_done(moves: Moves) -> None:
    """That it is not proven is told."""
    moves.promote("1")
    promote = ("promote", NAME, "2", "--unvalidated", "a test", "--instances", "1", "--json")
    quiet = {**BAKES, "requests": 0, "failures": 0, "unproven": True}
    with scripted([(200, slot("2", aspired="2", bake=quiet))]) as service:
        ended = podium(*promote, "--url", service.url, uri=moves.uri)
    assert (ended.exit_code, report(ended)["code"]) == (DONE, "done")
    assert [each["proven"] for each in report(ended)["serving"]] == [False]


@pytest.mark.parametrize(
    ("bake", "said"),
    [
        ({**BAKES, "requests": 7, "failures": 4}, "4 of 7 requests have failed"),
        ({**BAKES, "requests": 50, "failures": 50, "failing": True}, "50 of 50 requests"),
    ],
    ids=["most", "failing"],
)
def test_promotion_to_what_fails_in_its_bake_is_undecided(
    moves: Moves, bake: Mapping[str, Any], said: str
) -> None:
    """The same call looks again, with nothing to resume; proof ends that, or to ask for none."""
    moves.promote("1")
    promote = ("promote", NAME, "2", "--unvalidated", "a test", "--instances", "1", "--json")
    unproven = slot("2", aspired="2", bake={**bake, "unproven": True})
    with scripted([(200, unproven)]) as service:
        ended = [
            podium(*promote, *more, "--url", service.url, uri=moves.uri)
            for more in ((), (), ("--no-bake",))
        ]
    with scripted([(200, slot("2", aspired="2", bake=None))]) as service:
        ended.append(podium(*promote, "--url", service.url, uri=moves.uri))
    assert [(each.exit_code, report(each)["status"], report(each)["code"]) for each in ended] == [
        *[(UNDECIDED, UNDECIDED, "unproven")] * 2,
        *[(DONE, DONE, "already")] * 2,
    ]
    told = report(ended[0])
    assert [each["proven"] for each in told["serving"]] == [False]
    assert said in told["sentence"]
    assert f"podium rollback {NAME}" in told["sentence"]
    done = moves.journal[-1].done
    assert (moves.now, done is not None and done.moved) == ("2", True)


def test_promotion_by_another_policy_than_the_settings_name_is_refused(moves: Moves) -> None:
    """Services that have the same setting would refuse it, once the alias is there."""
    moves.validate("1", policy="a" * 64)
    named = f"policy={'c' * 64}"
    ended = podium(
        *("promote", NAME, "1", "--first"), uri=moves.uri, PODIUM_REQUIRE_VALIDATION=named
    )
    assert (ended.exit_code, moves.now) == (REFUSED, None)
    assert "was validated by the policy aaaaaaaaaaaa" in ended.output


def test_mlflow_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Nothing was changed: it may be tried again."""
    ended = podium("promote", NAME, "1", uri=f"http://127.0.0.1:{free_port()}")
    assert ended.exit_code == UNDECIDED
    assert "MLflow does not answer" in ended.output


def test_version_by_an_alias_is_the_one_that_it_is_on(moves: Moves) -> None:
    """As in `promote iris@challenger`."""
    moves.registry.move("challenger", "4")
    ended = podium(
        *("promote", f"{NAME}@challenger", "--unvalidated", "x", "--first"), uri=moves.uri
    )
    assert (ended.exit_code, moves.now) == (DONE, "4")


def digest_of_files(folder: Path) -> str:
    """As a validation would have told it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return combined(
        {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }
    )


@pytest.mark.filterwarnings("ignore:.*An input example was not provided:UserWarning")
def test_version_whose_file_was_altered_after_its_validation_is_refused(
    tracking_uri: str, tmp_path: Path
) -> None:
    """The registry's own bytes are looked at, not a cache that has been there before."""
    place = models.save(tmp_path / "model", "echo", example=None)
    registry = Registry(tracking_uri, NAME)
    registry.add(place)
    moves = Moves(registry, alias="second")
    moves.validate("1", digest=digest_of_files(place))
    promote = ("promote", NAME, "1", "--first", "--json", "--alias")
    assert podium(*promote, "first", uri=tracking_uri).exit_code == DONE
    with (place / "MLmodel").open("a") as file:
        file.write("# a comment\n")
    refused = podium(*promote, "second", uri=tracking_uri)
    assert (refused.exit_code, report(refused)["code"]) == (REFUSED, "validated_other_bytes")
    assert "podium validate iris 1 judges" in report(refused)["sentence"]
    assert moves.now is None
