"""What an operator has withdrawn: real MLflow, real processes, real files (P23)."""

import contextlib
import io
import os
from pathlib import Path

import httpx
from rich.console import Console

from service.checks.admin import withdraw
from service.checks.overview import status
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.tracking import free_port
from tests.support.waiting import wait_until

NAMES = ("one", "two", "three")
REFS = [f"{name}@champion" for name in NAMES]
ROW = {"dataframe_records": [{"x": 1.0}]}
SECONDS = 120.0
TOKEN = "the-operators"
GONE = httpx.codes.GONE
OK = httpx.codes.OK


def codes(service: RunningService) -> list[int]:
    """What each slot answers a prediction with."""
    urls = [f"{service.url}/models/{ref}/predict" for ref in REFS]
    return [httpx.post(url, json=ROW, trust_env=False, timeout=SECONDS).status_code for url in urls]


def said(service: RunningService, name: str, *, undo: bool = False) -> tuple[int, str]:
    """The exit status of `podium withdraw NAME 1`, and what it prints."""
    output = io.StringIO()
    console = Console(file=output, width=300)
    done = withdraw(service.url, name, "1", TOKEN, undo=undo, console=console)
    return done, output.getvalue()


def shown(service: RunningService) -> tuple[int, str]:
    """The same of `podium status`."""
    output = io.StringIO()
    console = Console(file=output, width=300)
    return status(service.url, as_json=False, console=console), output.getvalue()


def readiness(service: RunningService) -> tuple[int, list[str], list[str]]:
    """Of `/health/ready`: its status, what is missing, and what is withdrawn."""
    answer = httpx.get(f"{service.url}/health/ready", trust_env=False, timeout=SECONDS)
    told = answer.json()
    return answer.status_code, told["missing"], told["withdrawn"]


def holding(home: Path, marker: str) -> list[Path]:
    """The files below the home that hold that text; what is removed meanwhile does not."""
    found = []
    for folder, _, names in os.walk(home):  # folders that go away are left out
        for path in (Path(folder) / name for name in names):
            with contextlib.suppress(OSError):
                if path.is_file() and marker.encode() in path.read_bytes():
                    found.append(path)
    return found


def registered(tracking_uri: str, folder: Path) -> list[Registry]:
    """Three models, each of one version that holds its name as a text that nothing else holds."""
    registries = []
    for name in NAMES:
        module = models.number_module(folder / name, 1)
        module.write_text(f'{module.read_text()}MARKER = "only-in-{name}"\n')
        registries.append(Registry(tracking_uri, name))
        registries[-1].add(models.save(folder / f"made-{name}", "numbered", ships=[module]))
    return registries


def test_p23_what_is_withdrawn_is_answered_by_nobody_and_nothing_of_it_is_left(
    tracking_uri: str, tmp_path: Path
) -> None:
    """Of three slots one has no alias, then another's is deleted; two are withdrawn.

    By command, and by the tag. After restarts too, without the registry as well.
    """
    one, two, three = registered(tracking_uri, tmp_path)
    for registry in (one, two):
        registry.move("champion", "1")
    home = tmp_path / "home"
    home.mkdir()
    kept = home / "podium"
    same = {"PODIUM_SERVICE_NAME": "three", "PODIUM_ADMIN_TOKEN": TOKEN}

    with running_service(REFS, tracking_uri, home, **same) as service:
        service.wait_until_ready()
        assert (readiness(service), codes(service)) == ((OK, REFS[2:], []), [OK, OK, 503])
        three.move("champion", "1")
        wait_until(lambda: codes(service) == [OK, OK, OK], SECONDS, "the third slot serves")

    two.client.delete_registered_model_alias("two", "champion")
    with running_service(REFS, tracking_uri, home, **same) as service:
        service.wait_until_ready()
        assert (readiness(service), codes(service)) == ((OK, [], []), [OK, OK, OK])
        assert holding(kept, "only-in-one")
        found, text = said(service, "one")
        assert (found, codes(service)) == (0, [GONE, OK, OK])
        assert "requests to one@champion get 410" in text
        assert holding(kept, "only-in-one") == []
        assert readiness(service) == (OK, [], REFS[:1])
        assert (said(service, "three")[0], codes(service)) == (0, [GONE, OK, GONE])
        assert said(service, "three", undo=True)[0] == 0
        wait_until(lambda: codes(service)[2] == OK, SECONDS, "it was taken back")
        two.client.set_model_version_tag("two", "1", "podium.withdrawn", "true")
        wait_until(lambda: codes(service)[1] == GONE, SECONDS, "the tag is seen")
        wait_until(lambda: not holding(kept, "only-in-two"), SECONDS, "its files are gone")
        found, text = shown(service)
        assert (found, text.count("withdrawn: version 1"), codes(service)) == (
            1,
            2,
            [GONE, GONE, OK],
        )

    nowhere = f"http://127.0.0.1:{free_port()}"
    with running_service(REFS, nowhere, home, **same) as service:
        wait_until(lambda: codes(service)[2] == OK, SECONDS, "the last known good serves")
        assert codes(service) == [GONE, GONE, OK]
        assert readiness(service) == (OK, [], REFS[:2])
        entries = httpx.get(f"{service.url}/swaps", trust_env=False).json()["swaps"]
    outcomes = [each["outcome"] for each in entries]
    assert outcomes.count("withdrawn") == 3
    assert [holding(kept, f"only-in-{name}") for name in NAMES[:2]] == [[], []]
    assert {path.stat().st_mode & 0o777 for path in (kept / "withdrawn").iterdir()} == {0o600}
    assert (kept / "withdrawn").stat().st_mode & 0o777 == 0o700
