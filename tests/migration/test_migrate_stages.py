"""`podium migrate-stages`: over a server's fifty models, and case by case."""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from service.cli.migrate_stages import MigrateStagesReport
from service.config.addresses import MlflowAddresses
from service.exits import DONE, IN_PART, REFUSED, UNDECIDED, WRONG_USE
from service.migration.staged import InStage, StagesFound, clashes, staged
from service.promotion.journal import Journal
from service.promotion.mover import Mover
from service.registry.writer.once import OnceRegister
from service.registry.writer.writer import Writer
from tests.migration.staging import aliases, promote_to_stage, put
from tests.promotion.test_commands import podium
from tests.support import models
from tests.support.documents import ROOT
from tests.support.registered import Registry
from tests.support.tracking import MlflowServer, free_port, mlflow_server

KINDS: Mapping[str, tuple[int, Mapping[str, str], Mapping[str, str]]] = {
    "empty": (14, {"2": "Staging"}, {}),
    "several": (4, {"1": "Production", "2": "Production"}, {}),
    "elsewhere": (14, {"2": "Production"}, {"champion": "1"}),
    "there": (14, {"2": "Production"}, {"champion": "2"}),
    "plain": (4, {"2": "Production", "1": "Archived"}, {}),
}
"""How many models of each kind, their stages, and their aliases before."""


def journal(uri: str, ref: str) -> Journal:
    """Of that alias."""
    return Journal.of(OnceRegister(Writer(MlflowAddresses(uri, uri)), ref).read())


def migrate(*arguments: str, uri: str, status: int = DONE) -> Any:
    """The command's report."""
    done = podium("migrate-stages", *arguments, "--json", uri=uri)
    assert done.exit_code == status, done.output
    return json.loads(done.stdout)


def outcomes(report: Any) -> Counter[str]:
    """How many of which."""
    return Counter(each["outcome"] for each in report["migrated"])


def kept(server: MlflowServer) -> list[str]:
    """Everything that its database has."""
    with closing(sqlite3.connect(server.database)) as database:
        return list(database.iterdump())


@pytest.fixture(scope="module")
def fifty(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MlflowServer]:
    """Fifty models, and a prompt among them."""
    with mlflow_server(migrated_database, tmp_path_factory.mktemp("fifty")) as server:
        # Past the server, which is quicker.
        client = MlflowClient(f"sqlite:///{server.database}")
        for kind, (count, stages, before) in KINDS.items():
            for number in range(count):
                put(client, f"{kind}{number}", stages, before)
        client.register_prompt("between", "Say {{ what }}")
        yield server


def test_fifty_models_by_one_command_and_nothing_by_the_second(fifty: MlflowServer) -> None:
    """Empty stages, several versions in one, an alias elsewhere or there, prompts among them."""
    report = migrate("--all", uri=fifty.url)
    assert outcomes(report) == {"moved": 8, "already": 14, "elsewhere": 14}
    client = MlflowClient(f"sqlite:///{fifty.database}")
    left = {"empty": {}, "elsewhere": {"champion": "1"}}
    for kind, (count, _, _) in KINDS.items():
        for number in range(count):
            assert aliases(client, f"{kind}{number}") == left.get(kind, {"champion": "2"})
    several = next(each for each in report["migrated"] if each["name"] == "several0")
    assert several["others"] == ["1"]
    assert (several["search"], several["replace"]) == (
        "models:/several0/Production",
        "models:/several0@champion",
    )
    before = kept(fifty)
    again = migrate("--all", uri=fifty.url)
    assert outcomes(again) == {"already": 22, "elsewhere": 14}
    assert kept(fifty) == before
    assert len(journal(fifty.url, "plain0@champion").entries) == 1


def test_highest_number_counts_and_not_the_latest_text() -> None:
    """As `models:/NAME/Production` means it: 10 comes after 9."""
    versions = tuple(InStage("m", number, "Production") for number in ("9", "10", "2"))
    mapping = {"Production": "champion", "Staging": "challenger"}
    found = StagesFound({"m": {"champion": "9"}, "n": {}}, versions)
    (only,) = staged(found, ["m", "n"], mapping)
    assert (str(only.ref), only.version, only.others) == ("m@champion", "10", ("9", "2"))
    assert (only.at, only.standing) == ("9", "elsewhere")


def test_alias_on_a_copy_of_the_stage_is_there() -> None:
    """Of that very version: one on a copy of another is elsewhere."""
    versions = (
        InStage("m", "2", "Production"),
        InStage("prod.m", "1", "None", "models:/m/1"),
        InStage("prod.m", "2", "None", "models:/m/2"),
    )
    for at, standing in (("1", "elsewhere"), ("2", "there")):
        found = StagesFound({"m": {}, "prod.m": {"champion": at}}, versions)
        (only,) = staged(found, ["m"], {"Production": "champion"}, "prod.{name}")
        assert (str(only.ref), only.standing) == ("prod.m@champion", standing)


def test_alias_that_would_stand_for_two_models_is_told_with_both() -> None:
    """All of them; a model that is named twice is one."""
    versions = tuple(InStage(name, "1", "Production") for name in ("ale", "fraud", "fruit"))
    found = StagesFound({"ale": {}, "fraud": {}, "fruit": {}}, versions)
    mapping = {"Production": "champion"}
    one = staged(found, ["fruit", "fraud"], mapping, "prod.fr")
    assert clashes(one) == ["prod.fr@champion for fraud Production and fruit Production"]
    apart = staged(found, ["fruit", "fraud", "fruit", "ale"], mapping, "prod.{name}")
    assert [each.name for each in apart] == ["ale", "fraud", "fruit"]
    assert clashes(apart) == []


@pytest.fixture
def client(tracking_uri: str) -> MlflowClient:
    """Of a SQLite file of its own with one model, whose alias is elsewhere."""
    client = MlflowClient(tracking_uri)
    put(client, "wine", {"2": "Production", "3": "Staging"}, {"champion": "1"}, versions=3)
    return client


def test_alias_that_is_elsewhere_moves_by_force_alone(
    client: MlflowClient, tracking_uri: str
) -> None:
    """The journal says where it was, and `podium rollback` takes it back."""
    left = migrate("wine", uri=tracking_uri)["migrated"][0]
    assert (left["outcome"], left["was"]) == ("elsewhere", "1")
    moved = migrate("wine", "--force", "--by", "ada", uri=tracking_uri)["migrated"][0]
    assert (moved["outcome"], moved["version"]) == ("moved", "2")
    entry = journal(tracking_uri, "wine@champion").entries[-1].entry
    assert (entry.before, entry.to, entry.by) == ("1", "2", "ada")
    assert entry.unvalidated == "stage Production of wine"
    assert podium("rollback", "wine", uri=tracking_uri).exit_code == DONE
    assert aliases(client, "wine") == {"champion": "1"}


def test_move_that_was_ended_before_its_entry_was_is_finished_by_the_same_call(
    client: MlflowClient, tracking_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else has to wait for its lease. What the page had done before is an entry, too."""
    arguments = ("wine", "--force", "--by", "ada", "--map", "Production=champion")

    def end(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Mover, "finish", end)
        migrate(*arguments, uri=tracking_uri, status=IN_PART)
    assert aliases(client, "wine") == {"champion": "2"}
    assert outcomes(migrate(*arguments, uri=tracking_uri)) == {"already": 1}
    kept = journal(tracking_uri, "wine@champion")
    assert (kept.open, [each.entry.to for each in kept.entries]) == (None, ["1", "2"])


def test_dry_run_changes_nothing(client: MlflowClient, tracking_uri: str) -> None:
    """And says what would be done."""
    mapping = ("--map", "production=champion", "--map", "Staging=challenger")
    report = migrate("wine", *mapping, "--force", "--dry-run", uri=tracking_uri)
    assert outcomes(report) == {"would_move": 2}
    assert report["code"] == "dry_run"
    assert aliases(client, "wine") == {"champion": "1"}
    assert client.get_experiment_by_name("podium/journal") is None


def test_dry_run_tells_what_would_be_refused(client: MlflowClient, tracking_uri: str) -> None:
    """By a hold of the alias, or since the version is blocked; as the move itself would be."""
    client.set_registered_model_tag("wine", "podium.hold.champion", "an audit")
    client.set_model_version_tag("wine", "3", "podium.blocked", "slow")
    arguments = ("wine", "--map", "Production=champion", "--map", "Staging=new", "--force")
    for more, said in ((("--dry-run",), "would not be moved"), ((), "was not moved")):
        report = migrate(*arguments, *more, uri=tracking_uri, status=REFUSED)
        assert [each["code"] for each in report["migrated"]] == ["held", "blocked"]
        assert all(said in each["sentence"] for each in report["migrated"])
    assert aliases(client, "wine") == {"champion": "1"}


def test_pairs_are_printed_for_search_and_replace(client: MlflowClient, tracking_uri: str) -> None:
    """One a line."""
    done = podium("migrate-stages", "wine", "--map", "Staging=challenger", uri=tracking_uri)
    assert "models:/wine/Staging -> models:/wine@challenger" in done.stdout.splitlines()
    assert aliases(client, "wine")["challenger"] == "3"


def test_deleted_journal_refuses_the_move_and_says_so(
    client: MlflowClient, tracking_uri: str
) -> None:
    """No alias moves that nobody could account for."""
    client.delete_experiment(client.create_experiment("podium/journal"))
    report = migrate("wine", "--force", uri=tracking_uri, status=REFUSED)
    assert outcomes(report) == {"refused": 1}
    assert "bring it back" in report["migrated"][0]["sentence"]
    assert aliases(client, "wine") == {"champion": "1"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--all for every one"),
        (("wine", "--all"), "--all for every one"),
        (("--all", "--map", "Live=champion"), "'Live' is not a stage"),
        (("--all", "--map", "Production=latest"), "reserves"),
        (("--all", "--map", "Production"), "'Production': the alias is missing"),
        (("--all", "--map", "Production=a b", "--dry-run"), "'Production=a b': 'a b': MLflow"),
        (("--all", "--map", "Production=a", "--map", "PRODUCTION=b"), "Production is given twice"),
        (("--all", "--map", "Staging=a", "--map", "Production=a"), "two stages"),
        (("--all", "--to", "prod.model"), "must hold {name}"),
        (("--all", "--to", "{name}.{team}"), "must hold {name}"),
        (("--all", "--to", "prod.{name:.2}"), "must hold {name}"),
        (("--all", "--to", "prod.{name!r}"), "must hold {name}"),
        (("--all", "--to", "{name}.{name.x}"), "must hold {name}"),
        (("--all", "--to", "{{name}}"), "must hold {name}"),
        (("--all", "--to", "a/{name}"), "neither / nor :"),
        (("--all", "--to", "models:/{name}"), "neither / nor :"),
        (("--all", "--to", "a,{name}"), "cannot be served by name"),
        (("--all", "--to", " {name}"), "begins with a space"),
        (("nothing",), "the registry has no model nothing"),
    ],
)
def test_what_cannot_be_meant_is_wrong_use(
    arguments: tuple[str, ...], said: str, tracking_uri: str
) -> None:
    """With a line that says why."""
    done = podium("migrate-stages", *arguments, uri=tracking_uri)
    assert (done.exit_code, said in done.output) == (WRONG_USE, True), done.output


def test_one_alias_for_two_models_is_wrong_use_and_moves_nothing(
    client: MlflowClient, tracking_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever template has come to that: no alias is moved, by force neither."""
    put(client, "rose", {"1": "Production"}, {})

    def into_one(found: StagesFound, names: Collection[str], mapping: Any, _to: str) -> Any:
        return staged(found, names, mapping, "wine")

    monkeypatch.setattr("service.migration.staged.staged", into_one)
    done = podium("migrate-stages", "--all", "--force", uri=tracking_uri)
    said = "wine@champion for rose Production and wine Production"
    assert (done.exit_code, said in " ".join(done.output.split())) == (WRONG_USE, True)
    assert aliases(client, "wine") == {"champion": "1"}


def test_registry_that_does_not_answer_is_undecided() -> None:
    """Nothing was changed: the same call may be made again."""
    done = podium("migrate-stages", "--all", uri=f"http://127.0.0.1:{free_port()}")
    assert done.exit_code == UNDECIDED


def test_version_is_copied_to_another_model_that_gets_the_alias(
    client: MlflowClient, tracking_uri: str, tmp_path: Path
) -> None:
    """By its files, once: a second run finds the copy by its tag, and changes nothing."""
    place = models.save(tmp_path / "saved", "confiding")
    number = Registry(tracking_uri, "ale").add(place)
    promote_to_stage(client, "ale", number, "Production")
    to = ("ale", "--to", "prod.ml_team.{name}")
    dry = migrate(*to, "--dry-run", uri=tracking_uri)["migrated"][0]
    assert (dry["outcome"], dry["on"]) == ("would_move", None)
    (moved,) = migrate(*to, uri=tracking_uri)["migrated"]
    assert (moved["outcome"], moved["on"]) == ("moved", "1")
    assert (moved["search"], moved["replace"]) == (
        "models:/ale/Production",
        "models:/prod.ml_team.ale@champion",
    )
    copied = client.get_model_version_by_alias("prod.ml_team.ale", "champion")
    assert copied.tags["podium.source"] == "models:/ale/1"
    assert aliases(client, "ale") == {}
    (again,) = migrate(*to, uri=tracking_uri)["migrated"]
    assert (again["outcome"], again["on"]) == ("already", "1")
    assert len(client.search_model_versions("name = 'prod.ml_team.ale'")) == 1


def test_copy_without_its_alias_is_a_migration_in_part(
    client: MlflowClient, tracking_uri: str, tmp_path: Path
) -> None:
    """The copy stays, and is named; the same call goes on with it, and copies nothing again."""
    place = models.save(tmp_path / "saved", "confiding")
    number = Registry(tracking_uri, "ale").add(place)
    promote_to_stage(client, "ale", number, "Production")
    client.create_registered_model("prod.ale")
    client.set_registered_model_tag("prod.ale", "podium.hold.champion", "an audit")
    to = ("ale", "--to", "prod.{name}")
    (held,) = migrate(*to, uri=tracking_uri, status=IN_PART)["migrated"]
    assert (held["outcome"], held["code"]) == ("refused", "held")
    assert "version 1 of prod.ale; the same call goes on" in held["sentence"]
    migrate(*to, uri=tracking_uri, status=REFUSED)
    client.delete_registered_model_tag("prod.ale", "podium.hold.champion")
    assert outcomes(migrate(*to, uri=tracking_uri)) == {"moved": 1}
    assert len(client.search_model_versions("name = 'prod.ale'")) == 1


def test_alias_that_the_house_does_not_move_is_wrong_use(tracking_uri: str) -> None:
    """As for `podium promote`."""
    done = podium("migrate-stages", "--all", uri=tracking_uri, PODIUM_ALIASES="live")
    assert (done.exit_code, "PODIUM_ALIASES" in done.output) == (WRONG_USE, True)


def test_report_is_as_its_schema_says() -> None:
    """Whoever changes a report changes the schema, and sees that programs read it."""
    schema = json.loads((ROOT / "docs/schemas/migrate-stages.json").read_text())
    assert schema == MigrateStagesReport.model_json_schema(mode="serialization")
