"""Takes what its type hint says, and answers how much that was."""

from typing import Any

import mlflow
from pydantic import BaseModel


class Line(BaseModel):
    """Of an order."""

    article: str
    count: int
    price: float | None = None


class Order(BaseModel):
    """What a client sends a list of."""

    key: bytes
    lines: list[Line]
    more: dict[str, float] | None = None
    note: Any = None


class Hinted(mlflow.pyfunc.PythonModel):
    """Never fails."""

    def predict(self, model_input: list[Order]) -> list[int]:
        """The number of lines of each order."""
        return [len(order.lines) for order in model_input]


mlflow.models.set_model(Hinted())
