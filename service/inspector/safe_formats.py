"""Which artifacts MLflow loads without running code that they ship: an allow-list, nothing else.

=================== ==================================================== =======================
loader module       format                                               what MLflow calls
=================== ==================================================== =======================
mlflow.sklearn      skops, of types that skops trusts by itself          skops.io.load
mlflow.xgboost      JSON or UBJSON, a class of XGBoost's own             load_model
mlflow.lightgbm     LightGBM's text, as a Booster                        Booster(model_file=...)
mlflow.catboost     cbm                                                  load_model
mlflow.onnx         ONNX, on providers without options                   InferenceSession
=================== ==================================================== =======================

The model must be one file beside MLmodel: MLflow's loaders read a second MLmodel next to the file
if it lies elsewhere. `skops_trusted_types` is the artifact vouching for itself, and counts nothing.

These rules are of the libraries that load the model, which are the version's own where it has an
environment of its own: of MLflow's loaders as they are since 3.17, and of a skops that does not
trust what it should not (CVE-2025-54412, CVE-2025-54413, CVE-2025-54886). With older ones there is
no telling, and so no trust.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from mlflow.models import Model
from packaging.version import Version

with contextlib.suppress(ImportError):
    import skops.io

Conf = Mapping[str, Any]

_PREDICT_FUNCTIONS: Final = frozenset(
    {"predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba"}
)
_XGBOOST_CLASSES: Final = frozenset(
    {
        "xgboost.core.Booster",
        *(f"xgboost.sklearn.XGB{kind}" for kind in ("Classifier", "Regressor", "Ranker")),
        *(f"xgboost.sklearn.XGBRF{kind}" for kind in ("Classifier", "Regressor")),
    }
)
_CATBOOST_CLASSES: Final = frozenset(
    {"CatBoost", "CatBoostClassifier", "CatBoostRanker", "CatBoostRegressor"}
)
_SESSION_OPTIONS: Final = frozenset(
    {
        *("inter_op_num_threads", "intra_op_num_threads"),
        *("execution_mode", "graph_optimization_level"),
    }
)
_OLDEST: Final = {"mlflow": "3.17", "skops": "0.13"}
_MOST_TYPES: Final = 10
_LONGEST_TYPE: Final = 100
_PROVIDERS: Final = frozenset(
    {"CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"}
)


def objections(artifact: Path) -> list[str]:
    """Clauses about what would have to be trusted, all that are found; none if nothing.

    Raises whatever MLflow's reader raises over MLmodel, and skops over its file.
    """
    if too_old := _too_old("mlflow", "mlflow-skinny"):
        return [too_old]
    model = Model.load(str(artifact / "MLmodel"))
    python = model.flavors.get("python_function") or {}
    loader = python.get("loader_module")
    if not isinstance(loader, str) or loader not in _RULES:
        return ["its loader is not one of those that run no code"]
    flavor = model.flavors.get(loader.removeprefix("mlflow.")) or {}
    # scikit-learn's flavour names its file so, and MLflow heeds that where `data` is not given.
    named = "model_path" if loader == "mlflow.sklearn" and "data" not in python else "data"
    general = list(_general(artifact, python, flavor, named))
    return general or list(_RULES[loader](artifact / python[named], flavor))


def _too_old(*names: str) -> str | None:
    """A clause about a library of these names that is not installed, or older than it may be."""
    oldest = _OLDEST[names[0]]
    for name in names:
        with contextlib.suppress(PackageNotFoundError):
            if Version(version(name)) >= Version(oldest):
                return None
            return f"it runs with {name} {version(name)}, which is trusted from {oldest} on"
    return f"it runs without {names[0]}, which would tell what is in it"


def _general(artifact: Path, python: Conf, flavor: Conf, named: str) -> Iterator[str]:
    if python.get("code") or flavor.get("code"):
        yield "it ships code of its own"
    if python.get("config"):
        yield "its loader is given a configuration"
    if python.get("predict_fn", "predict") not in _PREDICT_FUNCTIONS:
        yield "it names a function of its own to predict with"
    if python.get("streamable"):
        yield "it streams"
    data = python.get(named)
    if not isinstance(data, str) or not _is_beside(artifact, data):
        yield "its model is not one file beside its MLmodel"


def _is_beside(artifact: Path, name: str) -> bool:
    path = artifact / name
    return Path(name).name == name and path.is_file() and not path.is_symlink()


def _sklearn(path: Path, flavor: Conf) -> Iterator[str]:
    # Without a flavour of that name MLflow takes the file for a pickle.
    if flavor.get("serialization_format") != "skops":
        yield "it is saved as a pickle"
        return
    if too_old := _too_old("skops"):
        yield too_old
        return
    untrusted = skops.io.get_untrusted_types(file=path)
    if untrusted:
        yield f"it holds types that skops does not trust by itself: {types_listed(untrusted)}"


def types_listed(names: Sequence[object]) -> str:
    """The first ten, cut where they are long, and how many are left out."""
    shown = [str(name) for name in names[:_MOST_TYPES]]
    listed = ", ".join(
        f"{name[:_LONGEST_TYPE]}..." if name[_LONGEST_TYPE:] else name for name in shown
    )
    return f"{listed} and {len(names) - _MOST_TYPES} more" if names[_MOST_TYPES:] else listed


def _xgboost(path: Path, flavor: Conf) -> Iterator[str]:
    yield from _same_file(path, flavor)
    if flavor.get("model_class", "xgboost.core.Booster") not in _XGBOOST_CLASSES:
        yield "its class is not one of XGBoost's"
    if _start(path, 1) != b"{":
        yield "it is saved neither as JSON nor as UBJSON"


def _lightgbm(path: Path, flavor: Conf) -> Iterator[str]:
    yield from _same_file(path, flavor)
    # LightGBM's scikit-learn classes are saved with skops, which trusts none of their types by
    # itself, or as pickles.
    if flavor.get("model_class", "lightgbm.basic.Booster") != "lightgbm.basic.Booster":
        yield "its class is not LightGBM's Booster, and others are not saved as text"
    elif _start(path, 4) != b"tree":
        yield "it is not saved as LightGBM's text"


def _catboost(path: Path, flavor: Conf) -> Iterator[str]:
    yield from _same_file(path, flavor)
    if flavor.get("model_type") not in _CATBOOST_CLASSES:
        yield "its class is not one of CatBoost's"
    if flavor.get("save_format") != "cbm" or _start(path, 4) != b"CBM1":
        yield "it is not saved as cbm"


def _onnx(path: Path, flavor: Conf) -> Iterator[str]:
    yield from _same_file(path, flavor)
    # Options of a provider can name libraries to be loaded.
    providers = flavor.get("providers") or []
    if not isinstance(providers, list) or not all(
        isinstance(each, str) and each in _PROVIDERS for each in providers
    ):
        yield "it names providers of its own, or options of theirs"
    session = flavor.get("onnx_session_options") or {}
    # Entries of a session are read by whatever part of the library cares for them.
    if not isinstance(session, Mapping) or not session.keys() <= _SESSION_OPTIONS:
        yield "it sets more of its session than threads, mode and optimization"


def _same_file(path: Path, flavor: Conf) -> Iterator[str]:
    if flavor.get("data", path.name) != path.name:
        yield "its MLmodel names two files"


def _start(path: Path, length: int) -> bytes:
    with path.open("rb") as file:
        return file.read(length)


_RULES: Final[Mapping[str, Callable[[Path, Conf], Iterator[str]]]] = {
    "mlflow.sklearn": _sklearn,
    "mlflow.xgboost": _xgboost,
    "mlflow.lightgbm": _lightgbm,
    "mlflow.catboost": _catboost,
    "mlflow.onnx": _onnx,
}
