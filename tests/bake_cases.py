"""Real versions that bake, each kind several times; exit status 1 if any was judged wrongly.

make bake-cases     five of each kind, on real MLflow, service and hosts; writes docs/bake-cases.txt

Every version is registered and moved to; clients ask one after the other; then the alias goes back
to the proven one. What is judged by is in `service/rollout`.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

import click
import httpx

from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

_SECONDS: Final = 300
_POISON: Final = 1001.0
_TAG: Final = "podium.bake.champion"
_ENVIRONMENT: Final = {"PODIUM_BAKE_SECONDS": "600", "PODIUM_REQUEST_LOG": "false"}


@dataclass
class Slot:
    """One model, whose version 1 is proven, at one service."""

    service: RunningService
    registry: Registry
    asked: int = 0
    _values: Iterator[int] = field(default_factory=count)

    @property
    def ref(self) -> str:
        """Its name and alias."""
        return f"{self.registry.name}@champion"

    def now(self) -> dict[str, Any]:
        """As `/models` has it."""
        return self.service.slot(self.ref)

    def ask(self, number: int, value: float | None = None) -> None:
        """So many requests, of values that each version meets alike."""
        url = f"{self.service.url}/models/{self.ref}/predict"
        with httpx.Client(timeout=_SECONDS, trust_env=False) as client:
            for _ in range(number):
                x = float(next(self._values) % 100) if value is None else value
                client.post(url, json={"dataframe_records": [{"x": x}]})
        self.asked += number

    def move(self, version: str) -> None:
        """The alias goes there, and the slot follows."""
        self.registry.move("champion", version)
        wait_until(
            lambda: (self.now()["version"], self.now()["aspired"]) == (version, version),
            _SECONDS,
            lambda: f"{version} serves: {self.service.log[-10:]}",
        )

    def settled(self) -> dict[str, Any]:
        """Its bake once all that was asked is counted, and what failed was tried."""

        def done() -> bool:
            bake = self.now()["bake"]
            if bake is None:
                return True
            counted = bake["requests"] + bake["failed"] - bake["failures"]
            tried = not bake["failed"] or bake["tried"] >= min(20, bake["failed"])
            return bool(counted >= self.asked and tried)

        wait_until(done, _SECONDS, lambda: f"all is counted: {self.now()}")
        return self.now()


Case = Callable[[Slot], tuple[bool, str]]
"""Asks what a version is to be asked; whether it was judged as it should be, and what was seen."""


def _fails(slot: Slot) -> tuple[bool, str]:
    while not slot.now()["verdict"] and slot.asked < 400:
        slot.ask(100)
        slot.settled()
    return _gave_way(slot, "fails_more")


def _slower(slot: Slot) -> tuple[bool, str]:
    while not slot.now()["verdict"] and slot.asked < 1600:
        slot.ask(100)
    return _gave_way(slot, "slower")


def _gave_way(slot: Slot, code: str) -> tuple[bool, str]:
    now = slot.now()
    verdict = now["verdict"]
    right = verdict is not None and verdict["code"] == code and now["version"] == "1"
    return right, f"after {slot.asked} requests: {verdict and verdict['message']}"


def _as_before(slot: Slot) -> tuple[bool, str]:
    slot.ask(450)
    return _stays(slot)


def _poisonous(slot: Slot) -> tuple[bool, str]:
    for _ in range(60):
        slot.ask(3)
        slot.ask(1, value=_POISON)
    slot.ask(60)
    return _stays(slot)


def _stays(slot: Slot) -> tuple[bool, str]:
    bake = slot.settled()["bake"]
    if bake is None:
        return False, f"it gave way: {slot.now()['verdict']}"
    seen = f"{bake['failures']} of {bake['requests']} failures speak against it"
    return True, f"{seen}; {bake['failed']} failed, {bake['spared']} of {bake['tried']} tried ones"


def _too_few(slot: Slot) -> tuple[bool, str]:
    slot.ask(20)
    wait_until(lambda: slot.now()["bake"]["unproven"], _SECONDS, "it is unproven")
    bake = slot.now()["bake"]
    right = bake["older"] == "1" and slot.now()["verdict"] is None
    return right, f"unproven with {bake['requests']} requests; version {bake['older']} is warm"


@dataclass(frozen=True)
class Kind:
    """One kind of version.

    Attributes:
        model: whose it is: of `fast`, or of `slow`, whose proven version takes 50 ms.
        made: where it lies.
        tag: how it bakes; empty: as the settings have it.
    """

    name: str
    model: str
    made: Path
    case: Case
    tag: str = ""


def _kinds(folder: Path) -> Sequence[Kind]:
    as_before = models.worsening(folder / "as-before")
    failing = models.worsening(folder / "failing", fails=20)
    slow = models.worsening(folder / "slow", seconds=0.15)
    return [
        Kind("fails 20% more", "fast", failing, _fails),
        Kind("as the one before", "fast", as_before, _as_before),
        Kind("poisonous clients", "fast", as_before, _poisonous),
        Kind("three times slower, slower=2x", "slow", slow, _slower, "600s,errors,slower=2x"),
        Kind("too few requests", "fast", as_before, _too_few, "0.5s"),
    ]


def _tried(slots: dict[str, Slot], kind: Kind) -> tuple[bool, str]:
    slot = slots[kind.model]
    client, name = slot.registry.client, slot.registry.name
    if kind.tag:
        client.set_registered_model_tag(name, _TAG, kind.tag)
    version = slot.registry.add(kind.made)
    slot.ask(250)
    slot.asked = 0
    slot.move(version)
    found = kind.case(slot)
    slot.move("1")
    if kind.tag and kind.model == "fast":
        client.delete_registered_model_tag(name, _TAG)
    return found


@click.command()
@click.option("--each", default=5, show_default=True, help="How many of each kind.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Also writes there what is printed."
)
def main(each: int, output: Path | None) -> None:
    """One service for all of them, with a registry of its own."""
    lines = [f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores", ""]
    wrong = 0
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        uri = f"sqlite:///{tracking.migrate(folder)}"
        registries = {name: Registry(uri, name) for name in ("fast", "slow")}
        registries["fast"].add(models.worsening(folder / "fast"), "champion")
        registries["slow"].add(models.worsening(folder / "fifty-ms", seconds=0.05), "champion")
        refs = [f"{name}@champion" for name in registries]
        with running_service(refs, uri, folder, **_ENVIRONMENT) as service:
            service.wait_until_ready()
            slots = {name: Slot(service, registry) for name, registry in registries.items()}
            for kind in _kinds(folder):
                for _ in range(each):
                    right, seen = _tried(slots, kind)
                    wrong += not right
                    lines.append(f"{'right' if right else 'WRONG'}  {kind.name}: {seen}")
                    click.echo(lines[-1])
    lines += ["", f"{5 * each} versions, {wrong} judged wrongly"]
    click.echo(lines[-1])
    if output is not None:
        output.write_text("\n".join([*lines, ""]))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
