"""An alias moves, fails to, or cannot be seen: what applications notice of it."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import until, wait_until

CLIENTS, MOVES = 32, 50
ROW = {"dataframe_records": [{"x": 1.0}]}
SECONDS = 240


def numbered_versions(registry: Registry, folder: Path, count: int) -> None:
    """Versions 1 to `count`, each answering with its number out of a module of one name."""
    for number in range(1, count + 1):
        ships = [models.number_module(folder / f"code{number}", number)]
        registry.add(models.save(folder / str(number), "numbered", ships=ships))


@dataclass
class Timeline:
    """When each wish for a version began, and when what came before it was seen to have gone."""

    wishes: list[tuple[str, float]] = field(default_factory=list)
    gone: list[float] = field(default_factory=list)

    def could_answer(self, version: str, begun: float, ended: float) -> bool:
        """Whether the version was current at some time between the two."""
        ends = [*self.gone, float("inf")]
        return any(
            version == wished and since <= ended and begun <= end
            for (wished, since), end in zip(self.wishes, ends, strict=False)
        )


@dataclass(frozen=True)
class Reply:
    """What one client got."""

    begun: float
    ended: float
    status: int
    version: str
    header: str
    answers: list[int]


async def predict(client: httpx.AsyncClient) -> Reply:
    """One request, timed."""
    begun = time.monotonic()
    answer = await client.post("/predict", json=ROW)
    ended = time.monotonic()
    body = answer.json()
    return Reply(
        begun,
        ended,
        answer.status_code,
        body["model"]["version"],
        answer.headers["podium-version"],
        body["predictions"],
    )


async def test_p1_p7_every_reply_under_load_is_its_versions_own(
    tracking_uri: str, tmp_path: Path
) -> None:
    """32 clients, 50 moves: every reply 200, by a version that was current, and its own answer."""
    registry = Registry(tracking_uri, "numbered")
    numbered_versions(registry, tmp_path, 3)
    registry.move("champion", "1")
    timeline, replies, done = Timeline(), list[Reply](), asyncio.Event()
    timeline.wishes.append(("1", 0.0))
    with running_service(["numbered@champion"], tracking_uri, tmp_path) as service:
        await asyncio.to_thread(service.wait_until_ready)
        limits = httpx.Limits(max_connections=CLIENTS)
        async with httpx.AsyncClient(
            base_url=service.url, limits=limits, timeout=SECONDS, trust_env=False
        ) as client:

            async def ask_without_pause() -> None:
                while not done.is_set():
                    replies.append(await predict(client))

            clients = [asyncio.create_task(ask_without_pause()) for _ in range(CLIENTS)]
            try:
                await move_about(registry, timeline, replies)
            finally:
                done.set()
                await asyncio.gather(*clients)
        assert await asyncio.to_thread(service.stop) == 0
    assert len(replies) > MOVES
    assert {reply.status for reply in replies} == {200}
    for reply in replies:
        assert reply.header == reply.version
        assert reply.answers == [int(reply.version)]
        assert timeline.could_answer(reply.version, reply.begun, reply.ended)


def last_is(replies: list[Reply], version: str, since: float) -> bool:
    """Whether the newest reply is that version's, to a request that began after that.

    One that began before may have been held up since the version was current the last time.
    """
    return bool(replies) and replies[-1].version == version and replies[-1].begun >= since


async def move_about(registry: Registry, timeline: Timeline, replies: list[Reply]) -> None:
    """Moves the alias from version to version, each time until somebody has seen the new one."""
    draw, current = random.Random(8888), "1"  # noqa: S311 - the same moves in every run
    for _ in range(MOVES):
        # Back to the version before, which is warm, or to the third one, which is loaded.
        current = draw.choice([version for version in "123" if version != current])
        wished = time.monotonic()
        timeline.wishes.append((current, wished))
        await asyncio.to_thread(registry.move, "champion", current)
        seen = partial(last_is, replies, current, wished)
        await until(seen, SECONDS, f"version {current} answers")
        timeline.gone.append(time.monotonic())


def test_p2_version_that_raises_on_its_example_keeps_old_serving(
    tracking_uri: str, tmp_path: Path
) -> None:
    """And `/models` says which version failed, where and why."""
    registry = Registry(tracking_uri, "doubling")
    registry.add(models.save(tmp_path, "temperamental"), alias="champion")
    broken = models.save(tmp_path / "broken", "temperamental", models.doubles("y"), {"y": 1.0})
    allowed = {"PODIUM_ALLOW_BREAKING": "true"}  # it asks for another column, and gets to a host
    with running_service(["doubling@champion"], tracking_uri, tmp_path, **allowed) as service:
        service.wait_until_ready()
        registry.add(broken, alias="champion")
        wait_until(lambda: service.events("version_refused"), SECONDS, "it is refused")
        slot = service.slot("doubling@champion")
        answer = httpx.post(
            f"{service.url}/predict", json=ROW, trust_env=False, timeout=SECONDS
        ).json()
    assert (slot["state"], slot["version"], slot["aspired"]) == ("refused", "1", "2")
    failure = slot["last_failure"]
    assert (failure["stage"], failure["code"], failure["version"]) == (
        "warm_up",
        "warm_up_failed",
        "2",
    )
    assert answer["predictions"] == [2.0]
    assert answer["model"]["version"] == "1"


def test_p5_registry_outage_is_survived_and_shown(migrated_database: Path, tmp_path: Path) -> None:
    """Predictions go on, ready stays 200, `/models` tells; the next move after it is followed."""
    with tracking.mlflow_server(migrated_database, tmp_path) as server:
        registry = Registry(f"sqlite:///{server.database}", "doubling")
        place = models.save(tmp_path, "temperamental")
        registry.add(place, alias="champion")
        with running_service(["doubling@champion"], server.url, tmp_path) as service:
            service.wait_until_ready()
            server.stop()
            wait_until(lambda: service.events("look_failed"), SECONDS, "the outage is seen")
            assert_serves(service, "1")
            look = httpx.get(f"{service.url}/models", trust_env=False, timeout=SECONDS).json()[
                "look"
            ]
            assert look["failure"]["code"] == "registry_unreachable"
            assert look["age_seconds"] > 0
            server.start()
            registry.add(place, alias="champion")
            wait_until(lambda: len(service.events("swapped")) == 2, SECONDS, "the move is followed")
            assert_serves(service, "2")


def assert_serves(service: RunningService, version: str) -> None:
    """Ready, and answering with that version."""
    assert (
        httpx.get(f"{service.url}/health/ready", trust_env=False, timeout=SECONDS).status_code
        == 200
    )
    answer = httpx.post(f"{service.url}/predict", json=ROW, trust_env=False, timeout=SECONDS)
    assert answer.json() == {
        "predictions": [2.0],
        "model": {"name": "doubling", "alias": "champion", "version": version},
    }
