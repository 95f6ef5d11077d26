"""A model whose requests are rolled out to its versions by a real service, and its clients."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from service.exits import DONE
from service.promotion.step_split import StepSplit
from tests.promotion.test_commands import podium
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService

SECONDS = 300
TOKEN = "the-operator"


@dataclass
class Clients:
    """Requests to a slot, one after the other, until it is closed; who answered each of them."""

    service: RunningService
    ref: str
    statuses: Counter[int] = field(default_factory=Counter)
    answered: list[tuple[str, str]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """They begin."""
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """None is under way any more."""
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        url = self.service.url
        with httpx.Client(base_url=url, timeout=SECONDS, trust_env=False) as client:
            number = 0
            while not self._over.is_set():
                number += 1
                row = {"dataframe_records": [{"x": float(number % 100)}]}
                answer = client.post(f"/models/{self.ref}/predict", json=row)
                self.statuses[answer.status_code] += 1
                if answer.is_success:
                    headers = answer.headers
                    self.answered.append((headers["podium-alias"], headers["podium-version"]))


@dataclass(frozen=True)
class Rollouts:
    """A model and its service."""

    registry: Registry
    service: RunningService
    folder: Path

    @property
    def name(self) -> str:
        """The model's."""
        return self.registry.name

    def add(self, fails: int = 0) -> str:
        """The next version, which fails on so many of a hundred requests."""
        made = len(list(self.folder.glob("made-*")))
        return self.registry.log(models.worsening(self.folder / f"made-{made}", fails))

    def slot(self, alias: str) -> dict[str, Any]:
        """As `/models` has it."""
        return self.service.slot(f"{self.name}@{alias}")

    def split(self, alias: str) -> StepSplit | None:
        """What a step has written."""
        return StepSplit.in_tags(self.tags, alias)

    @property
    def tags(self) -> Mapping[str, str]:
        """The model's."""
        found: dict[str, str] = self.registry.client.get_registered_model(self.name).tags
        return found

    def alias(self, alias: str) -> str:
        """The number that it is on."""
        model = self.registry.client.get_registered_model(self.name)
        return str(model.aliases[alias])

    def journal(self, alias: str) -> Mapping[str, Any]:
        """The newest entry."""
        words = ("rollback", self.name, "--alias", alias, "--list", "--json")
        listed = podium(*words, uri=self.registry.tracking_uri)
        assert listed.exit_code == DONE, listed.output
        entry: dict[str, Any] = json.loads(listed.stdout)["journal"][0]
        return entry

    def promote(self, version: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """As one types it, in a process of its own."""
        variables = {
            "MLFLOW_TRACKING_URI": self.registry.tracking_uri,
            "PODIUM_ADMIN_TOKEN": TOKEN,
            "PODIUM_HOME": str(self.folder / "typed"),
        }
        command = [sys.executable, "-m", "service", "promote", self.name, version]
        given = ["--unvalidated", "a test", "--no-bake", "--json", "--url", self.service.url]
        return subprocess.run(
            [*command, *given, *words],
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * SECONDS,
        )
