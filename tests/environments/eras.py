"""What models were logged with over the years: sets of libraries that go together."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from service.environments.build_settings import EnvironmentSettings
from service.environments.environment import EnvironmentRefused, EnvironmentWish
from service.environments.interpreters import Interpreters

PYTHONS: Final = ("3.10", "3.11", "3.12", "3.13")


@dataclass(frozen=True)
class Era:
    """Requirements, a day on which they were new, and the Pythons that have wheels of all."""

    day: datetime
    requirements: tuple[str, ...]
    pythons: tuple[str, ...] = PYTHONS

    @property
    def named(self) -> str:
        """For people, and for a model's name."""
        return " ".join(self.requirements)

    def wish(self, python: str) -> EnvironmentWish:
        """Of a version that was logged then, by that Python."""
        mlflow = self.requirements[0].partition("==")[2]
        return EnvironmentWish(python, self.requirements, cut_off=self.day, mlflow=mlflow)


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ERAS: Final = (
    Era(
        _day("2023-06-01"),
        ("mlflow-skinny==2.3.2", "scikit-learn==1.2.2", "pandas==1.5.3"),
        PYTHONS[:2],
    ),
    Era(
        _day("2024-01-15"),
        ("mlflow-skinny==2.9.2", "scikit-learn==1.3.2", "pandas==2.1.4"),
        PYTHONS[:3],
    ),
    Era(
        _day("2024-10-15"),
        ("mlflow==2.16.2", "scikit-learn==1.5.2", "pandas==2.2.3"),
        PYTHONS[1:2],
    ),
    Era(_day("2024-10-15"), ("mlflow-skinny==2.16.2", "scikit-learn==1.5.2", "pandas==2.2.3")),
    Era(_day("2025-06-01"), ("mlflow-skinny==2.22.0", "scikit-learn==1.6.1", "pandas==2.2.3")),
    Era(_day("2025-07-15"), ("mlflow-skinny==3.1.1", "scikit-learn==1.6.1", "pandas==2.3.1")),
)


def public_index() -> dict[str, str]:
    """This process's variables, with no configuration of pip's but one that they name themselves.

    What an index of this machine's own has is for the Python that it was filled for.
    """
    return {"PIP_CONFIG_FILE": os.devnull, **os.environ}


async def pythons(settings: EnvironmentSettings) -> Sequence[str]:
    """The newest patch of each minor release that this machine has, as a service finds them."""
    found, interpreters = [], Interpreters(settings.pythons, settings.builder_environment)
    for minor in PYTHONS:
        try:
            found.append((await interpreters.find(minor)).version)
        except EnvironmentRefused:
            continue
    return found


def minor_of(python: str) -> str:
    """`3.11` of `3.11.7`."""
    return ".".join(python.split(".")[:2])
