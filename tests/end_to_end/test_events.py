"""A receiver is told of what happens to a real service, on real MLflow."""

import os
import re
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.events.receiving import SECRET, Receiver, is_signed, receiver
from tests.promotion.test_commands import podium
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

SECONDS = 240.0
NAME = "echoing"
SLOT = f"{NAME}@champion"
# The address itself is a secret; so is what signs.
PATH = "hunter2-of-a-chat"


@dataclass
class Told:
    """What the receiver was told, read in order."""

    taken: Receiver
    read: int = 0
    all: list[dict[str, str | None]] = field(default_factory=list)

    def next(self, *kinds: str) -> Sequence[dict[str, str | None]]:
        """The next events, which are these."""
        wanted = self.read + len(kinds)
        wait_until(lambda: len(self.taken.requests) >= wanted, SECONDS, lambda: f"{self.kinds}")
        found = self.taken.events[self.read : wanted]
        assert [event["kind"] for event in found] == list(kinds)
        self.read = wanted
        return found

    @property
    def kinds(self) -> Sequence[str]:
        """So far."""
        return self.taken.kinds()


def host_of(service: RunningService, version: str) -> int:
    """The process of that version."""
    shown = re.compile(rf'podium_host_memory_bytes{{host="(\d+)",.*version="{version}"}}')

    def hosts() -> list[int]:
        return [int(found[1]) for name in service.metrics() if (found := shown.fullmatch(name))]

    wait_until(lambda: len(hosts()) == 1, SECONDS, "its memory is told")
    return hosts()[0]


def secret_is_told(service: RunningService, told: Told) -> bool:
    """In the log, or to the receiver itself."""
    shown = [*service.lines, *(each.body for each in told.taken.requests)]
    return any(secret.encode() in line for secret in (PATH, SECRET) for line in shown)


def test_receiver_is_told_of_all_that_an_operator_does(tracking_uri: str, tmp_path: Path) -> None:
    """An alias moved, held, its version blocked, another refused, a process killed, all undone."""
    registry = Registry(tracking_uri, NAME)
    place = models.save(tmp_path, "echo")
    for _ in range(3):
        registry.add(place)
    wanting = shutil.copytree(place, tmp_path / "wanting")
    (wanting / "requirements.txt").write_text("nobodys-package==1\n")
    registry.add(wanting)
    registry.move("champion", "1")
    with receiver() as taken:
        secrets = {
            "PODIUM_EVENTS_URL": f"{taken.url}/{PATH}",
            "PODIUM_EVENTS_SECRET": SECRET,
            "PODIUM_LOG_LEVEL": "debug",
            "PODIUM_SERVICE_NAME": "blue",
        }
        told, service_home = Told(taken), tmp_path / "home"
        service_home.mkdir()
        with running_service([SLOT], tracking_uri, service_home, **secrets) as service:
            service.wait_until_ready()
            told.next("listening", "swapped")
            registry.move("champion", "2")
            (swapped,) = told.next("swapped")
            assert (swapped["from"], swapped["to"], swapped["slot"]) == ("1", "2", SLOT)
            assert swapped["instance"] == service.slot(SLOT)["instance"]
            podium("hold", NAME, "--reason", "an audit", uri=tracking_uri)
            (held,) = told.next("slot_held")
            assert str(held["reason"]).startswith("an audit")
            registry.move("champion", "3")
            podium("release", NAME, uri=tracking_uri)
            told.next("slot_released", "swapped")
            podium("block", NAME, "3", "--reason", "unfair", uri=tracking_uri)
            blocked, back = told.next("version_refused", "serves_last_known_good")
            assert (blocked["code"], back["from"], back["to"]) == ("blocked", "3", "2")
            assert str(blocked["reason"]).startswith("unfair")
            podium("unblock", NAME, "3", uri=tracking_uri)
            told.next("version_unblocked", "swapped")
            registry.move("champion", "4")
            (refused,) = told.next("version_refused")
            assert (refused["to"], refused["code"]) == ("4", "package_missing")
            registry.client.delete_registered_model_alias(NAME, "champion")
            told.next("alias_missing")
            os.kill(host_of(service, "3"), signal.SIGKILL)
            (died,) = told.next("host_died")
            assert (died["model"], died["to"], died["code"]) == (NAME, "3", "signal")
            wait_until(
                lambda: service.metrics()['podium_events_total{outcome="sent"}'] == told.read,
                SECONDS,
                "each is counted",
            )
            service.stop()
        told.next("stopping")
        assert len(taken.requests) == told.read
        assert all(map(is_signed, taken.requests))
        assert {event["service"] for event in taken.events} == {"blue"}
        assert not secret_is_told(service, told)
