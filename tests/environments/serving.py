"""A model of another time, trained in an environment, served from it, and asked for its answers."""

import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from service.contract.contract import RequestLimits
from service.decoder.front import Decoder, DecoderLimits
from service.environments.environment import BuiltEnvironment
from service.following.ports import FetchedVersion, Staged
from service.hosting.specification import PoolLimits
from service.processes.front.child import Forks
from service.refs import VersionId
from service.registry.child.description import describe
from service.staging import HostStager
from tests.environments.eras import Era
from tests.host.traced_models import Silent
from tests.hosting.rows import Counts
from tests.support import models

_SECONDS: Final = 600


def as_built(interpreter: Path, python: str) -> BuiltEnvironment:
    """What lies around an interpreter, as if a builder had just made it."""
    key = hashlib.sha256(str(interpreter).encode()).hexdigest()
    return BuiltEnvironment(key, interpreter.parents[1], interpreter, python, {})


@dataclass(frozen=True)
class Trained:
    """A saved model, a request of 150 rows, and what the model itself answers to these.

    `seeing` is another one, which answers with what can be imported where it is asked.
    """

    place: Path
    seeing: Path
    request: Any
    answers: list[list[float]]


def trained_by(interpreter: Path, place: Path, era: Era) -> Trained:
    """By the libraries of that interpreter, which sees nothing else; as if it was long ago.

    What was trained there before is taken as it is.
    """
    seeing, noted = Path(f"{place}-seeing"), Path(f"{place}.json")
    if not noted.exists():
        for each in (place, seeing):
            shutil.rmtree(each, ignore_errors=True)
        _train(interpreter, place, era)
    for each in (place, seeing):
        described = (each / "MLmodel").read_text()
        then = f"utc_time_created: '{era.day:%Y-%m-%d %H:%M:%S.%f}'"
        (each / "MLmodel").write_text(re.sub("utc_time_created: .*", then, described))
    told = json.loads(noted.read_text())
    return Trained(place, seeing, told["request"], told["answers"])


def _train(interpreter: Path, place: Path, era: Era) -> None:
    script = models.CODE / "of_its_time.py"
    command = [str(interpreter), "-I", "-W", "ignore", str(script), str(place), *era.requirements]
    done = subprocess.run(
        command, cwd=place.parent, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


async def staged(forks: Forks, others: Forks, place: Path) -> Staged:
    """With hosts of these forks; all other children are forked by the others."""
    described = describe(place)
    example = place / "serving_input_example.json"
    version = FetchedVersion(
        version=VersionId(place.name, 1, "1"),
        source="",
        path=place,
        signature=described["signature"],
        flavors=tuple(described["flavors"]),
        loader_module=described["loader_module"],
        from_type_hint=described["from_type_hint"],
        tags={},
        serving_example=example.read_bytes() if example.exists() else None,
    )
    decoder = Decoder(others, DecoderLimits(1024**2), Silent())
    stager = HostStager(forks, decoder, RequestLimits(1000), PoolLimits(), lambda _: Counts())
    return await stager.stage(version)


async def answered(servable: Staged, request: Any) -> Any:
    """What it answers."""
    read = await servable.reader.read(orjson.dumps(request), "application/json")
    return orjson.loads(await servable.predictor.predict(read))
