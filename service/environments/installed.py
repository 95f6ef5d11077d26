"""Which packages are installed here, and which of them is there in another's place.

What counts for a model is that the module can be imported: `psycopg2` is the same code as
`psycopg2-binary`, built otherwise, and so are the builds of others for GPUs, or without windows.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name

# What a package says of itself that has no version, or one that nobody can read.
UNKNOWN: Final = "an unknown version"
# Of what stands in under numbers of its own: any number that is asked for is met.
OF_ANOTHER: Final = "another package's version"
# Builds of one project under several names, whose versions are the project's.
_BUILDS: Final = (
    ("psycopg2", "psycopg2-binary"),
    (
        *("opencv-python", "opencv-python-headless"),
        *("opencv-contrib-python", "opencv-contrib-python-headless"),
    ),
    (
        *("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-intel"),
        *("tensorflow-macos", "tensorflow-rocm", "tensorflow-cpu-aws", "intel-tensorflow"),
    ),
    (
        *("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"),
        *("onnxruntime-silicon", "onnxruntime-training", "onnxruntime-rocm"),
    ),
    ("xgboost", "xgboost-cpu"),
    ("faiss", "faiss-cpu", "faiss-gpu", "faiss-gpu-cu11", "faiss-gpu-cu12"),
    ("mxnet", "mxnet-mkl", "mxnet-cu101", "mxnet-cu102", "mxnet-cu110", "mxnet-cu112"),
    ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x", "cupy-rocm-5-0"),
    ("paddlepaddle", "paddlepaddle-gpu"),
    ("mlflow", "mlflow-skinny"),
    ("polars", "polars-lts-cpu", "polars-u64-idx"),
    ("pillow", "pillow-simd"),
    ("pyspark", "pyspark-client", "pyspark-connect"),
    ("python-magic", "python-magic-bin"),
    ("ta-lib", "ta-lib-bin", "talib-binary"),
)
# Names that only lead to another package, or whose versions are another project's.
_OTHER_NUMBERS: Final = {
    "sklearn": ("scikit-learn",),
    "bs4": ("beautifulsoup4",),
    "pyspark": ("databricks-connect",),
    "opencv": ("opencv-python", "opencv-python-headless"),
    "pytorch": ("torch",),
    "pil": ("pillow",),
}


def installed(name: str) -> str | None:
    """The package's version, or that of what stands in for it; None if nothing does."""
    return _version(name) or _stand_in(canonicalize_name(name))


def required_by(name: str) -> Sequence[str]:
    """What the package itself asks for, extras included; nothing for one that is not there."""
    return metadata.requires(name) or () if _version(name) is not None else ()


def _stand_in(name: str) -> str | None:
    builds = [build for group in _BUILDS if name in group for build in group]
    if any(_version(other) for other in _OTHER_NUMBERS.get(name, ())):
        return OF_ANOTHER
    found = next(filter(None, map(_version, builds)), None)
    return found or _provider_of(name.replace("-", "_"))


def _provider_of(module: str) -> str | None:
    """The version of the one package that provides a module of that name.

    Of several, as of `google`, none is the project that is asked for.
    """
    providers = set(_providers(_places()).get(module, ()))
    return _version(providers.pop()) if len(providers) == 1 else None


@lru_cache(maxsize=1)
def _providers(_: Sequence[tuple[str, int]]) -> Mapping[str, Sequence[str]]:
    """Which packages have each module; that takes a look at every file of all of them."""
    return metadata.packages_distributions()


def _places() -> Sequence[tuple[str, int]]:
    """Where packages are, and when one has come or gone there last."""
    return tuple((place, _changed(place)) for place in sys.path)


def _changed(place: str) -> int:
    try:
        return Path(place or ".").stat().st_mtime_ns
    except OSError:
        return 0


def _version(name: str) -> str | None:
    try:
        return metadata.version(name) or UNKNOWN
    except metadata.PackageNotFoundError:
        return None
    except Exception:  # noqa: BLE001 - what is left of a broken installation raises anything
        return UNKNOWN
