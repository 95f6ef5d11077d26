"""Models that use MLflow's tracing, staged as the service stages them, and asked."""

import warnings
from pathlib import Path
from typing import Any

import mlflow
import orjson
from mlflow.models import ModelSignature

from service.contract.contract import RequestLimits
from service.decoder.front import Decoder, DecoderLimits
from service.following.ports import FetchedVersion, Staged
from service.hosting.specification import PoolLimits
from service.refs import VersionId
from service.registry.child.description import describe
from service.staging import HostStager
from service.zygote.front.handle import Zygote
from tests.hosting.rows import Counts
from tests.support import models

TURNS = [{"role": "user", "content": "hello"}]
AGENTS = {
    "responding": {"input": TURNS},
    "chatting": {"messages": TURNS},
    "completing": {"messages": TURNS},
}
"""By the name of their code in `tests/models`, a request of each."""


class Silent:
    """Is told of a decoder, and says nothing."""

    def decoder_ended(self, reason: str) -> None:
        """Of its end."""

    def decoder_printed(self, stream: str, line: str) -> None:
        """Of what it prints."""


def saved(folder: Path, code: str, signature: ModelSignature | None = None) -> Path:
    """Saved as MLflow's documentation does it, and not run, unless its class says so."""
    place = folder / code
    # That some of these classes are old, and that a model should have an example.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(
            str(place),
            python_model=str(models.CODE / f"{code}.py"),
            signature=signature,
            pip_requirements=models.REQUIREMENTS,
        )
    return place


def saved_traced(folder: Path) -> Path:
    """`tests/models/traced.py`, which is not run for that."""
    return saved(folder, "traced", models.doubles("x"))


async def stage(zygote: Zygote, place: Path, counts: Counts, traces: str | None = None) -> Staged:
    """A servable of the saved model; its predictor is to be closed."""
    described = describe(place)
    version = FetchedVersion(
        version=VersionId(place.name, 1, "1"),
        source="",
        path=place,
        signature=described["signature"],
        flavors=tuple(described["flavors"]),
        loader_module=described["loader_module"],
        from_type_hint=described["from_type_hint"],
        tags={},
        serving_example=None,
    )
    decoder = Decoder(zygote, DecoderLimits(1024**2), Silent())
    stager = HostStager(
        zygote, decoder, RequestLimits(100), PoolLimits(), lambda _: counts, traces=traces
    )
    return await stager.stage(version, None)


async def ask(staged: Staged, body: Any) -> Any:
    """What it answers."""
    read = await staged.reader.read(orjson.dumps(body), "application/json")
    return orjson.loads(await staged.predictor.predict(read))


def row(value: float) -> dict[str, Any]:
    """A request of one row for `tests/models/traced.py`."""
    return {"dataframe_records": [{"x": value}]}
