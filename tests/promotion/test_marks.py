"""`podium hold`, `release`, `block`, `unblock` and `where`, as they are typed, on real MLflow."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from mlflow import MlflowClient
from pydantic import BaseModel

from service.blocked_tag import BLOCKED_TAG
from service.cli.moving import MarkedAliasReport, MarkedVersionReport
from service.cli.told import MOST_CHARACTERS
from service.cli.where import WhereReport, WhereService
from service.exits import DONE, REFUSED, UNDECIDED, WRONG_USE
from service.hold_tag import HOLD_PREFIX
from service.origin import Origin
from service.promotion import marking
from service.promotion.mark_origin import MarkOrigin, origin_key
from service.promotion.stopped import MoveStopped
from service.promotion.use_case import names_of
from service.registry.writer.faults import WriteRefused
from service.registry.writer.writer import NumberedVersion
from tests.promotion.conftest import NAME, Moves
from tests.promotion.test_commands import SCHEMAS, podium, report
from tests.support.tracking import free_port

AUDIT, UNFAIR = "an audit (by ada, https://ci/1)", "unfair (by ada, https://ci/1)"
ADA = Origin("ada", "a reason", "https://ci/1")
REPORTS: dict[str, type[BaseModel]] = {
    "hold": MarkedAliasReport,
    "release": MarkedAliasReport,
    "block": MarkedVersionReport,
    "unblock": MarkedVersionReport,
    "where": WhereReport,
}


def tags(moves: Moves) -> dict[str, str]:
    """The model's own, without those that tell whose another one is."""
    found = moves.registry.client.get_registered_model(NAME).tags
    return {key: value for key, value in found.items() if not key.endswith(".by")}


def codes(moves: Moves, *words: str) -> Sequence[str]:
    """How the command ends twice in a row."""
    ended = [podium(*words, "--json", uri=moves.uri) for _ in range(2)]
    assert [each.exit_code for each in ended] == [DONE, DONE], ended[0].output
    return [report(each)["code"] for each in ended]


@pytest.mark.parametrize("command", REPORTS)
def test_report_of_a_mark_is_as_its_schema_says(command: str) -> None:
    """Programs rely on it."""
    written = json.loads((SCHEMAS / f"{command}.json").read_text())
    assert written == REPORTS[command].model_json_schema(mode="serialization")


def test_alias_is_held_and_released_once(moves: Moves) -> None:
    """Each told twice changes it once; the tag is what anybody may write on MLflow's page."""
    moves.registry.move("champion", "1")
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    words = ("hold", NAME, "--reason", "an audit, first", "--until", until.isoformat())
    assert codes(moves, *words) == ["done", "already"]
    value = f"an audit, first (by ada),until={until.isoformat().replace('+00:00', 'Z')}"
    assert tags(moves) == {f"{HOLD_PREFIX}champion": value}
    assert codes(moves, "release", NAME) == ["done", "already"]
    assert tags(moves) == {}


@pytest.mark.parametrize(
    "reason",
    [
        *("false", "until=2026-12-01T08:00:00Z", "x,until=never", "y" * 600),
        *("x, Until = never", "Until=never", "until=,until="),
    ],
)
def test_any_reason_holds_for_as_long_as_is_said(moves: Moves, reason: str) -> None:
    """None is taken for a time, or for no hold; told again it is the same."""
    moves.registry.move("champion", "1")
    for who in ("ada", ""):
        words = ("hold", NAME, "--reason", reason, "--by", who)
        assert codes(moves, *words) == ["done", "already"]
        found = moves.mover().look().hold
        assert found is not None
        assert (found.until, found.unreadable) == (None, "")
        assert podium("release", NAME, uri=moves.uri).exit_code == DONE


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (("--reason", "unfair", "--by", "bob"), "unfair (by bob)"),
        (("--reason", "unfair", "--link", "https://x/7"), "unfair (by ada, https://x/7)"),
        (("--link", "https://x/7"), "by ada, https://x/7"),
        (("--by", "b" * 600, "--link", "l" * 600, "--reason", "r" * 600), None),
    ],
)
def test_mark_says_who_and_where_beside_why(
    moves: Moves, words: tuple[str, ...], value: str | None
) -> None:
    """Whoever sees the tag, services among them, knows; each has its room where all are long."""
    moves.registry.move("champion", "1")
    for command, mark in ((("block", NAME, "1"), "podium.blocked"), (("hold", NAME), None)):
        podium(*command, *words, uri=moves.uri)
        if mark is None:
            (found,) = tags(moves).values()
        else:
            found = moves.mover().writer.tags(NAME, "1")[mark]
        assert len(found) <= 500
        assert found == value or ("r…" in found and "(by bbb" in found and found.endswith("l…)"))


def test_held_alias_is_not_moved(moves: Moves) -> None:
    """By no promotion and no rollback; what was begun before is undone all the same."""
    moves.promote("1")
    moves.promote("2")
    podium("hold", NAME, "--reason", "an audit", uri=moves.uri)
    for move in (lambda: moves.promote("3"), moves.rollback, lambda: moves.rollback("1")):
        with pytest.raises(MoveStopped) as stopped:
            move()
        assert (stopped.value.status, stopped.value.code) == (REFUSED, "held")
        assert "podium release iris --alias champion takes that back" in str(stopped.value)
    assert moves.promote("2").outcome == "already"
    podium("release", NAME, uri=moves.uri)
    moves.begin("3", moved=True)
    podium("hold", NAME, uri=moves.uri)
    assert moves.rollback(resume=True).version == "2"
    podium("release", NAME, uri=moves.uri)
    assert moves.rollback().version == "1"


def test_hold_whose_time_has_come_keeps_nobody(moves: Moves) -> None:
    """The tag may stay."""
    tag = moves.registry.client.set_registered_model_tag
    tag(NAME, f"{HOLD_PREFIX}champion", "an audit,until=2020-01-01T00:00:00Z")
    assert moves.promote("1").outcome == "promoted"
    tag(NAME, f"{HOLD_PREFIX}champion", "an audit,until=soon")
    with pytest.raises(MoveStopped, match="its time cannot be read: soon"):
        moves.promote("2")


def test_version_is_blocked_and_unblocked_once(moves: Moves) -> None:
    """Promotions refuse it meanwhile, and rollbacks pass it over."""
    moves.promote("1")
    moves.promote("2")
    assert codes(moves, "block", NAME, "1", "--reason", "unfair") == ["done", "already"]
    with pytest.raises(
        MoveStopped, match="nothing to go back to: version 1: it is blocked: unfair"
    ):
        moves.rollback()
    shown = podium("block", f"{NAME}@champion", uri=moves.uri).stdout
    assert "iris 2  is blocked: by ada; on it: champion" in shown
    assert codes(moves, "unblock", NAME, "1") == ["done", "already"]
    assert moves.rollback().version == "1"


def test_reason_that_would_say_that_it_is_not_blocked_blocks_all_the_same(moves: Moves) -> None:
    """The tag's value `false` takes a block back, and nobody behind it is named here."""
    words = ("block", NAME, "1", "--reason", "False", "--by", "")
    assert codes(moves, *words) == ["done", "already"]
    found = moves.registry.client.get_model_version(NAME, "1").tags
    assert found[BLOCKED_TAG] == "because: False"


def test_account_that_may_not_delete_a_tag_unblocks_all_the_same(moves: Moves) -> None:
    """By its value; that takes EDIT alone, as blocking did."""
    writer, named = moves.mover().writer, NumberedVersion(NAME, "1")
    marking.block(writer, named, "unfair", ADA)

    def denied(*_: object) -> None:
        raise WriteRefused("no", "PERMISSION_DENIED")

    writer.untag = denied  # type: ignore[method-assign,assignment]
    assert marking.unblock(writer, named, ADA).changed
    assert not marking.unblock(writer, named, ADA).changed
    assert writer.tags(NAME, "1")["podium.blocked"] == "false"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("hold", "other"), "the registry has no model other"),
        (
            ("hold", NAME, "--alias", "champoin"),
            "the model iris has no alias champoin; it has none",
        ),
        (("hold", NAME, "--alias", "stranger"), "not among PODIUM_ALIASES, which are champoin"),
        (("release", "other"), "the registry has no model other"),
        (("block", NAME, "9"), "has no version 9"),
        (("unblock", f"{NAME}@nobody"), "has no alias nobody"),
        (("hold", NAME, "--until", "tomorrow"), "must be a time with its offset"),
        (("hold", NAME, "--until", "2026-01-01T00:00:00"), "must be a time with its offset"),
        (("hold", NAME, "--until", "2020-01-01T00:00:00Z"), "lies in the past"),
        (("where", "other"), "none of dev.other, staging.other, prod.other, other"),
        (("where", "a/b"), "neither / nor :"),
        (("where", "x", "--prefixes", "dev:"), "neither / nor :"),
        (("where", "dev."), "name of a model is missing"),
        (("where", ".."), "that a path would have otherwise"),
        *(((each, ""), "name of a model is missing") for each in ("hold", "release")),
        *(((each, "a/b"), "neither / nor :") for each in ("hold", "release", "rollback")),
        *(((each, "a:b", "1"), "neither / nor :") for each in ("block", "unblock", "promote")),
        *(((each, NAME, "--alias", ""), "alias is missing") for each in ("hold", "release")),
        *(((each, NAME, "1", "--alias", ""), "alias is missing") for each in ("plan", "promote")),
        (("promote", NAME, "1", "--first", "--alias", "a b"), "--alias: 'a b': MLflow admits"),
        (("rollback", NAME, "--alias", "v7"), "--alias: MLflow reserves 'v7'"),
    ],
)
def test_mark_that_cannot_be_meant_so_is_wrong_use(
    shared_moves: Moves, words: tuple[str, ...], said: str
) -> None:
    """In one sentence, and nothing is changed."""
    house = {"PODIUM_ALIASES": "champoin"} if "stranger" in words else {}
    ended = podium(*words, uri=shared_moves.uri, **house)
    assert (ended.exit_code, said in ended.output) == (WRONG_USE, True), ended.output


@pytest.mark.parametrize(
    "words",
    [
        ("hold", NAME),
        ("release", NAME),
        ("block", NAME, "1"),
        ("unblock", NAME, "1"),
        ("where", "x"),
    ],
)
def test_mark_of_a_registry_that_does_not_answer_is_undecided(words: tuple[str, ...]) -> None:
    """It may be set again."""
    ended = podium(*words, uri=f"http://127.0.0.1:{free_port()}")
    assert ended.exit_code == UNDECIDED, ended.output


def test_names_of_a_use_case() -> None:
    """Whichever of them is given."""
    names = ["dev.a.b", "staging.a.b", "prod.a.b", "a.b"]
    assert [names_of(each) for each in names] == [names] * 4
    assert names_of("test.x", ["test.", "live."]) == ["test.x", "live.x", "x"]


def test_use_case_is_shown_across_its_environments(moves: Moves) -> None:
    """With what each version is of, and what is marked; a service that is silent is told."""
    client: MlflowClient = moves.registry.client
    for name in ("dev.iris", "prod.iris"):
        client.create_registered_model(name)
        for _ in range(2):
            client.create_model_version(name, str(client.get_model_version(NAME, "1").source))
    client.set_registered_model_alias("prod.iris", "champion", "1")
    client.set_model_version_tag("prod.iris", "1", "podium.source", "models:/dev.iris/2")
    client.set_model_version_tag("prod.iris", "1", "podium.blocked", "unfair")
    client.set_registered_model_tag("prod.iris", f"{HOLD_PREFIX}champion", "an audit")
    moves.validate("5")
    silent = f"http://127.0.0.1:{free_port()}"
    ended = podium("where", "dev.iris", "--url", silent, "--json", uri=moves.uri)
    told = report(ended)
    assert (ended.exit_code, told["services"][0]["slots"]) == (UNDECIDED, [])
    assert [each["name"] for each in told["models"]] == ["dev.iris", "prod.iris", "iris"]
    newest, served = told["models"][1]["versions"]
    assert (newest["version"], newest["blocked"]) == ("2", None)
    assert (served["source"], served["blocked"]) == ("models:/dev.iris/2", "unfair")
    assert told["models"][1]["aliases"][0]["held"]["reason"] == "an audit"
    assert told["models"][2]["versions"][0]["validation"] == "passed"
    shown = podium("where", "iris", uri=moves.uri).stdout
    assert "  version 1  @champion  not validated; blocked: unfair\n" in shown
    release = "podium release prod.iris --alias champion takes that back"
    assert f"  @champion is held until it is released: an audit; {release}\n" in shown


def test_service_that_follows_none_of_a_use_case_is_told_as_that() -> None:
    """An address with nothing behind it would be an answer to nobody."""
    services = [
        WhereService(url="http://a", slots=()),
        WhereService(url="http://b", slots=(), error="the connection is refused"),
    ]
    told = WhereReport(server="", name="iris", status=DONE, services=services)
    assert told.lines() == [
        "http://a  follows no alias of these",
        "http://b  does not tell: the connection is refused",
    ]


def test_use_case_that_is_not_there_is_told_as_an_object_too(shared_moves: Moves) -> None:
    """As every command with `--json` tells what it was not told of."""
    ended = podium("where", "other", "--json", uri=shared_moves.uri)
    told = report(ended)
    assert (ended.exit_code, told["status"], told["models"]) == (WRONG_USE, WRONG_USE, [])
    assert (told["code"], "none of dev.other" in told["sentence"]) == (
        "resource_does_not_exist",
        True,
    )


def test_hold_that_somebody_else_has_set_is_left_as_it_is(moves: Moves) -> None:
    """Whose it is, and why, is told; who asks for more learns that it is not so."""
    moves.registry.move("champion", "1")
    words = ("--reason", "an audit", "--link", "https://ci/1", "--until", "2099-01-01T00:00:00Z")
    podium("hold", NAME, *words, uri=moves.uri)
    before = moves.registry.client.get_registered_model(NAME).tags
    bob = ("hold", NAME, "--by", "bob", "--reason", "mine", "--json")
    again = report(podium(*bob, "--until", "2098-01-01T00:00:00Z", uri=moves.uri))
    assert (again["code"], again["held_by"], again["held_link"]) == ("already", "ada", words[3])
    assert (again["held_for"], again["until"]) == (AUDIT, "2099-01-01T00:00:00Z")
    assert (
        "is held already, until 2099-01-01T00:00:00Z: an audit (by ada, https" in again["sentence"]
    )
    longer = podium(*bob, uri=moves.uri)
    assert (longer.exit_code, report(longer)["code"]) == (REFUSED, "held_otherwise")
    assert moves.registry.client.get_registered_model(NAME).tags == before
    own = report(podium("hold", NAME, "--json", uri=moves.uri))
    assert (own["code"], own["until"], own["held_for"]) == ("done", None, AUDIT)


@pytest.mark.parametrize("absent", ["other", NAME])
def test_report_of_a_hold_that_was_not_set_tells_of_none(moves: Moves, absent: str) -> None:
    """Whether there is no such model, or somebody else holds the alias for less long."""
    moves.registry.move("champion", "1")
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    podium("hold", NAME, "--by", "ada", "--until", soon, uri=moves.uri)
    words = ("hold", absent, "--by", "bob", "--reason", "mine", "--until", "2099-01-01T00:00:00Z")
    told = report(podium(*words, "--json", uri=moves.uri))
    assert told["status"] in {WRONG_USE, REFUSED}
    assert (told["until"], told["held_for"], told["held_by"]) == (None, "", "")


def test_block_that_somebody_else_has_set_is_left_as_it_is(moves: Moves) -> None:
    """Whose it is, and why, is told, also by who refuses the version."""
    podium("block", NAME, "1", "--reason", "unfair", "--link", "https://ci/1", uri=moves.uri)
    words = ("block", NAME, "1", "--by", "bob", "--reason", "mine", "--json")
    again = podium(*words, uri=moves.uri)
    told = report(again)
    assert (again.exit_code, told["code"], told["blocked_for"]) == (DONE, "already", UNFAIR)
    assert (told["blocked_by"], told["blocked_link"]) == ("ada", "https://ci/1")
    assert told["sentence"] == f"is blocked already: {UNFAIR}"
    with pytest.raises(MoveStopped, match=r"blocked: unfair \(by ada, https://ci/1\)$"):
        moves.promote("1")
    assert moves.mover().writer.tags(NAME, "1")["podium.blocked"] == UNFAIR


def test_whose_a_mark_is_stands_beside_it_until_somebody_else_writes_it(moves: Moves) -> None:
    """On MLflow's page, say; who takes it back is kept as well."""
    moves.registry.move("champion", "1")
    key, client = f"{HOLD_PREFIX}champion", moves.registry.client

    def origin() -> MarkOrigin:
        found = client.get_registered_model(NAME).tags[origin_key(key)]
        return MarkOrigin.model_validate_json(found)

    podium("hold", NAME, "--reason", "an audit", "--link", "https://ci/1", uri=moves.uri)
    assert (origin().of, origin().by, origin().link) == (AUDIT, "ada", "https://ci/1")
    client.set_registered_model_tag(NAME, key, "another")
    held = moves.mover().look()
    assert (held.hold is None, held.held_by) == (False, None)
    podium("release", NAME, "--by", "bob", "--reason", "it is over", uri=moves.uri)
    assert (origin().of, origin().by, origin().reason) == (None, "bob", "it is over")


def test_longest_origin_has_room_in_a_tag() -> None:
    """MLflow's, on PostgreSQL, holds 5,000 characters."""
    long = '"' * MOST_CHARACTERS
    reason = f"because: {long}"
    origin = MarkOrigin(of=reason, by=long, reason=long, link=long, time=datetime.now(UTC))
    assert len(origin.model_dump_json()) <= 5000


def test_holds_are_shown_also_where_the_alias_is_gone_or_the_time_cannot_be_read(
    moves: Moves,
) -> None:
    """Whose alias was deleted holds still; whose time has come does not."""
    client = moves.registry.client
    for alias, value in (("gone", "an audit,until=soon"), ("over", ",until=2020-01-01T00:00:00Z")):
        client.set_registered_model_tag(NAME, f"{HOLD_PREFIX}{alias}", value)
    (alias,) = report(podium("where", NAME, "--json", uri=moves.uri))["models"][0]["aliases"]
    assert (alias["alias"], alias["version"]) == ("gone", None)
    assert (alias["held"]["reason"], alias["held"]["unreadable"]) == ("an audit", "soon")
    shown = podium("where", NAME, uri=moves.uri).stdout
    wrong = "its time cannot be read: soon: an audit; the model has no such alias; podium release"
    assert f"  @gone is held until it is released; {wrong} iris --alias gone takes" in shown
