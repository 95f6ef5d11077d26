"""A model with five versions in a real registry, and who moves its aliases."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from service.config.addresses import MlflowAddresses
from service.origin import Origin
from service.promotion.deciding import Stage
from service.promotion.instances import Instances, NoInstances, Serving
from service.promotion.journal import Written
from service.promotion.mover import Mover
from service.promotion.prepare import Prepared
from service.promotion.promote import Promoted, Promotion, Wanted
from service.promotion.rollback import Rollback, RolledBack
from service.refs import ModelRef
from service.registry.writer.writer import NumberedVersion, Writer
from service.validation_tag import VALIDATION_TAG, Validation
from tests.support.registered import Registry
from tests.support.tracking import copy_database

NAME = "iris"
DIGEST = "d" * 64
VERSIONS = ("1", "2", "3", "4", "5")


@dataclass
class FakeInstances:
    """Instances that make of a version what a test says."""

    prepared: Sequence[Prepared] = ()
    seen: Sequence[Serving] = ()
    proven: bool = False
    asked: list[str] = field(default_factory=list)

    def prepare(self, ref: ModelRef, version: str, digest: str) -> Sequence[Prepared]:
        """As it says."""
        self.asked.append(f"prepare {ref} {version} of {digest or 'any files'}")
        return self.prepared

    def serving(
        self, ref: ModelRef, version: str, is_gone_on: Callable[[], bool]
    ) -> Sequence[Serving]:
        """As it says."""
        self.asked.append(f"serving {ref} {version}")
        return self.seen

    def have_proven(self, ref: ModelRef, version: str) -> bool:
        """As it says."""
        return self.proven


@dataclass
class Moves:
    """Moves of the aliases of one model, each as a command of its own would."""

    registry: Registry
    alias: str = "champion"
    digest: str = DIGEST
    stages: list[Stage] = field(default_factory=list)
    uri_given: str = ""
    policy: str | None = None

    @property
    def uri(self) -> str:
        """The registry's address."""
        return self.uri_given or self.registry.tracking_uri

    @property
    def now(self) -> str | None:
        """The number that the alias is on."""
        return self.mover().look().alias

    @property
    def journal(self) -> Sequence[Written]:
        """Every entry."""
        return self.mover().look().journal.entries

    @property
    def fallback(self) -> str | None:
        """The number that others go back to."""
        tags = self.registry.client.get_registered_model(self.registry.name).tags
        found: str | None = tags.get(f"podium.fallback.{self.alias}")
        return found

    def blocked(self, number: str) -> str | None:
        """Why that version is blocked, if it is."""
        tags = self.registry.client.get_model_version(self.registry.name, number).tags
        found: str | None = tags.get("podium.blocked")
        return found

    @property
    def told(self) -> list[tuple[str, str | None, str | None]]:
        """Every entry in short: what it was, from where, to where."""
        return [(each.entry.kind, each.entry.before, each.entry.to) for each in self.journal]

    def mover(self, by: str = "ada", link: str = "", lease: float = 600.0) -> Mover:
        """One that knows nothing yet."""
        writer = Writer(MlflowAddresses(self.uri, self.uri))
        ref = ModelRef(self.registry.name, self.alias)
        return Mover(writer, ref, Origin(by, "a reason", link), lease, self.stages.append)

    def promote(  # noqa: PLR0913 - as a command line has it
        self,
        to: str,
        instances: Instances | None = None,
        *,
        by: str = "ada",
        link: str = "",
        unvalidated: str = "a test",
        first: bool = True,
        resume: bool = False,
        bakes: bool = True,
    ) -> Promoted:
        """Promotes it, or raises why not."""
        wanted = Wanted(NumberedVersion(self.registry.name, to), unvalidated, first, resume)
        mover, instances = self.mover(by, link), instances or NoInstances()
        digest = self.digest
        work = Promotion(mover, instances, lambda _: digest, policy=self.policy, bakes=bakes)
        return work.run(wanted)

    def rollback(
        self, to: str | None = None, *, by: str = "ada", link: str = "", resume: bool = False
    ) -> RolledBack:
        """Rolls it back, or raises why not."""
        return Rollback(self.mover(by, link)).run(to, resume=resume)

    def begin(
        self,
        to: str,
        *,
        moved: bool,
        by: str = "ada",
        digest: str = "",
        unvalidated: str = "a test",
    ) -> None:
        """Somebody has begun to promote it, and is gone."""
        mover = self.mover(by)
        begun = mover.intend(
            mover.settle(mover.look()), "promote", to, digest, unvalidated=unvalidated
        )
        if moved:
            mover.move(begun)

    def validate(self, number: str, **other: str) -> None:
        """Its tags say that it was validated, and what else is given."""
        told: dict[str, Any] = {
            "run": "r",
            "policy": "p",
            "digest": DIGEST,
            "name": NAME,
            "version": number,
        }
        told["verdict"] = "passed"
        set_tag = self.registry.client.set_model_version_tag
        set_tag(NAME, number, VALIDATION_TAG, Validation(**(told | other)).text())
        set_tag(NAME, number, "validation_status", "passed")


def filled(tracking_uri: str, name: str = NAME) -> Registry:
    """A registry with a model of five versions that have no files."""
    registry = Registry(tracking_uri, name)
    client = registry.client
    client.create_registered_model(name)
    # A server admits what is below the artifacts of a run alone.
    run = client.create_run("0").info
    for _ in VERSIONS:
        client.create_model_version(name, f"{run.artifact_uri}/model", run.run_id)
    return registry


@pytest.fixture
def moves(tracking_uri: str) -> Moves:
    """Of a model in a SQLite file that nobody else uses."""
    return Moves(filled(tracking_uri))


@pytest.fixture(scope="module")
def shared_moves(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Moves:
    """The same for a whole file; each of its tests takes an alias of its own."""
    folder = tmp_path_factory.mktemp("shared")
    return Moves(filled(f"sqlite:///{copy_database(migrated_database, folder)}"))
