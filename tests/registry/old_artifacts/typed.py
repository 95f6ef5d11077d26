"""A model whose type hint is its signature, saved as code; answers as `told_back` does."""

import json

import mlflow
import pydantic
from mlflow.pyfunc.model import PythonModel


class Flower(pydantic.BaseModel):
    """What it takes."""

    petals: int
    colour: str = "white"


class Typed(PythonModel):
    """Says what it was called with."""

    def predict(self, model_input: list[Flower]) -> list[str]:  # type: ignore[override]
        """One text."""
        seen = [flower.model_dump() for flower in model_input]
        return [json.dumps({"data": {"object": seen}, "params": {}}, sort_keys=True)]


mlflow.models.set_model(Typed())
