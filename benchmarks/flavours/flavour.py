"""Which flavours are measured, and what each needs beside Podium."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Flavour:
    """One model's kind: `key` names it in options and figures, `title` in tables.

    `packages` are pinned by constraints.txt and `benchmarks/flavours.txt`.
    """

    key: str
    title: str
    packages: tuple[str, ...] = ()

    @property
    def case(self) -> str:
        """The name of its only case: one row."""
        return f"{self.key}-1"


TORCH: Final = "torch"
FLAVOURS: Final = (
    Flavour("xgboost", "XGBoost", ("xgboost-cpu",)),
    Flavour("lightgbm", "LightGBM", ("lightgbm",)),
    Flavour("catboost", "CatBoost", ("catboost",)),
    Flavour("forest", "random forest"),
    Flavour("histogram", "HistGradientBoosting"),
    Flavour("pipeline", "ColumnTransformer pipeline"),
    Flavour("onnx", "ONNX", ("onnx", "onnxruntime", "skl2onnx")),
    Flavour("pytorch", "PyTorch", (TORCH,)),
    Flavour("statsmodels", "statsmodels", ("statsmodels",)),
)


def named(keys: Collection[str]) -> tuple[Flavour, ...]:
    """Those of these keys, in the order of `FLAVOURS`; all where no key is given."""
    return tuple(each for each in FLAVOURS if not keys or each.key in keys)
