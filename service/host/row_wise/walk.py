"""Whether all that a loaded version predicts with is known to answer each row by itself (P16)."""

import collections
import ctypes
import datetime as dt
import decimal
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from types import FunctionType, NoneType
from typing import Any, Final

import numpy as np
import pandas as pd
from mlflow.pyfunc import PyFuncModel

from service.host.raw_model import raw_model
from service.host.row_wise.classes import CLASSES, FITTING, WITHIN, KnownClass
from service.host.row_wise.origin import Origins, belongs_to, is_installed

# By the loader that MLmodel names: the class with which MLflow calls the model.
_WRAPPERS: Final[Mapping[str, str]] = {
    "mlflow.catboost": "_CatboostModelWrapper",
    "mlflow.lightgbm": "_LGBModelWrapper",
    "mlflow.sklearn": "_SklearnModelWrapper",
    "mlflow.xgboost": "_XGBModelWrapper",
}
_METHODS: Final = frozenset(
    {"predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba"}
)
_TAG: Final = "tag the version podium.batching=rows if it does"
_PLAIN: Final = (
    *(NoneType, bool, int, float, complex, str, bytes, bytearray, slice, range),
    *(np.random.RandomState, np.random.Generator, ctypes.c_void_p, decimal.Decimal),
    *(dt.datetime, dt.date, dt.time, dt.timedelta, dt.timezone),
    *(pd.Timestamp, pd.Timedelta, type(pd.NaT), type(pd.NA)),
)
# What selects columns, as pandas gives their names.
_INDEXES: Final = (pd.Index, pd.RangeIndex)
_MAPPINGS: Final = (dict, collections.OrderedDict, collections.defaultdict)
_SEQUENCES: Final = (list, tuple, set, frozenset, collections.deque)
# Whose classes may be named: as a dtype, or for what a dictionary lacks.
_OTHERS: Final = frozenset({"builtins", "collections", "numpy"})
_NUMPYS: Final = frozenset({"numpy", "numpy.dtypes"})
_LONGEST: Final = 80

Found = Iterator[str]


def obstacle(model: PyFuncModel) -> str | None:
    """What keeps it from being known to answer each row by itself, in one sentence; None: nothing.

    Names of classes, parameters and steps are the model's: escaped, and cut where they are long.
    """
    try:
        return _obstacle(model)
    except Exception as error:  # noqa: BLE001 - what cannot be looked at may yet be served
        return f"it could not be looked at ({_shown(type(error).__qualname__)}); {_TAG}"


def _obstacle(model: PyFuncModel) -> str | None:
    flavor = model.metadata.flavors["python_function"]
    loader, method = flavor["loader_module"], flavor.get("predict_fn", "predict")
    if loader not in _WRAPPERS:
        return f"its flavour may look at several rows; {_TAG.replace('does', 'does not')}"
    if flavor.get("code"):
        # It runs while the model is loaded, and may change any library that a known class calls.
        return f"it ships code of its own; {_TAG}"
    schema = model.metadata.get_input_schema()  # type: ignore[no-untyped-call]  # MLflow annotates little
    if schema is None:
        return "without a signature there is no telling rows apart"
    if method not in _METHODS:
        return f"it is asked by its method {_shown(method)}, which may look at several rows"
    if loader == "mlflow.xgboost" and _has_params(model):
        return f"its params may change how XGBoost looks at rows; {_TAG}"
    return next(_Walk().model(model, loader), None)


def _has_params(model: PyFuncModel) -> bool:
    # Since MLflow 2.6.
    schema_of = getattr(model.metadata, "get_params_schema", lambda: None)
    return schema_of() is not None


def has_one_output(model: PyFuncModel) -> bool:
    """Whether a model without an obstacle tells apart the classes of one output, not of several.

    Of several, probabilities are a list with an array for each; of one they are one array. What
    it says of its classes is a list of arrays there, and one array here.
    """
    classes = getattr(raw_model(model), "classes_", None)
    return isinstance(classes, np.ndarray) and classes.ndim == 1


def obstacle_of(estimator: Any) -> str | None:
    """The same of an estimator by itself."""
    return next(_Walk().value(estimator, "it"), None)


class _Walk:
    """Everything that one model holds, each thing once; yields what stands in the way."""

    def __init__(self) -> None:
        self._origins = Origins()
        self._seen: dict[int, Any] = {}

    def model(self, model: PyFuncModel, loader: str) -> Found:
        wrapper, raw = model._model_impl, raw_model(model)  # noqa: SLF001 - MLflow has no other name for it
        called = f"{type(wrapper).__module__}.{type(wrapper).__qualname__}"
        # An older MLflow calls an estimator itself, which is looked at below.
        wrapped = [] if wrapper is raw else [wrapper]
        known = wrapper is raw or called == f"{loader}.{_WRAPPERS[loader]}"
        if type(model) is not PyFuncModel or not known:
            yield f"MLflow calls it by {_shown(called)}, which may look at several rows; {_TAG}"
        elif not all(self._origins.untouched(type(each)) for each in (model, *wrapped)) or any(
            "predict" in vars(each) for each in wrapped
        ):
            yield f"somebody has changed how MLflow calls it; {_TAG}"
        else:
            yield from self.value(raw, "it")

    def value(self, value: Any, where: str, owner: type = object) -> Found:
        """What stands in the way in it; the `owner` is the class of what holds it."""
        found = type(value)
        if found in _PLAIN or _is_numpys(value) or id(value) in self._seen:
            return
        self._seen[id(value)] = value
        parts = _parts(value)
        if parts is not None:
            for part, named in parts:
                yield from self.value(part, named or where, owner)
        elif isinstance(value, type):
            if found is not type or value.__module__ not in _OTHERS:
                yield _in_words(where, "the class", f"{value.__module__}.{value.__qualname__}")
        elif _is_sparse(found):
            yield from self._untouched(found, where)
        elif isinstance(value, FunctionType):
            if not belongs_to(value, owner):
                yield _unknown(value, where)
        else:
            yield from self._listed(value, where, owner)

    def _listed(self, value: Any, where: str, owner: type) -> Found:
        found = type(value)
        known = WITHIN.get((_public(owner), _public(found)), _known(found))
        if known is None:
            yield _unknown(value, where)
            return
        yield from self._untouched(found, where)
        yield from _instance(value, known, where)
        yield from self._attributes(value, known)

    def _untouched(self, found: type, where: str) -> Found:
        if not self._origins.untouched(found):
            yield _unknown_class(where, found, " that somebody has changed")

    def _attributes(self, value: Any, known: KnownClass) -> Found:
        found = type(value)
        for name, held in list(getattr(value, "__dict__", {}).items()):
            if name in FITTING or name in known.unread:
                continue
            if name in known.elementwise and _is_elementwise(held):
                continue
            if name in known.checks and _is_check(held):
                continue
            if name == "steps" and found.__name__ == "Pipeline":
                yield from self._steps(held)
            else:
                where = f"the attribute {_shown(name)} of its {_short(found)}"
                yield from self.value(held, where, found)

    def _steps(self, steps: Any) -> Found:
        for name, step in steps:
            yield from self.value(step, f"its step '{_shown(name)}'")


def _is_numpys(value: Any) -> bool:
    """A number or a dtype of NumPy's own, whose class nobody has derived from."""
    return isinstance(value, np.generic | np.dtype) and type(value).__module__ in _NUMPYS


def _is_elementwise(value: Any) -> bool:
    """NumPy's own functions of one number for one, by definition: `log1p`, `expm1`, `sqrt`."""
    return (
        type(value) is np.ufunc
        and value.signature is None
        and value.nin == value.nout == 1
        and getattr(np, value.__name__, None) is value
    )


def _parts(value: Any) -> Iterable[tuple[Any, str]] | None:
    """What a container holds, with the name that it has there, if any; None for all else."""
    found = type(value)
    if found is np.ndarray:
        return _unnamed(value.ravel().tolist()) if value.dtype.hasobject else ()
    if found in _INDEXES:
        return _unnamed([*value.names, *(() if found is pd.RangeIndex else value.tolist())])
    if found in _MAPPINGS or _is_bunch(found):
        return _unnamed([*value, *value.values(), getattr(value, "default_factory", None)])
    if found not in _SEQUENCES:
        return None
    if found is tuple and len(value) > 1 and type(value[0]) is str and _is_object(value[1]):
        return [(part, f"its step '{_shown(value[0])}'") for part in value[1:]]
    return _unnamed(value)


def _unnamed(values: Iterable[Any]) -> Iterable[tuple[Any, str]]:
    # A vocabulary may have a million words.
    several = list(values)
    if {*map(type, several)} <= {*_PLAIN}:
        return ()
    return ((value, "") for value in several)


def _is_object(value: Any) -> bool:
    return type(value) not in _PLAIN and hasattr(value, "__dict__")


def _is_bunch(found: type) -> bool:
    return found.__qualname__ == "Bunch" and found.__module__ == "sklearn.utils._bunch"


def _is_sparse(found: type) -> bool:
    return found.__module__.startswith("scipy.sparse.") and found.__mro__[-1] is object


def _is_check(value: Any) -> bool:
    """What `HistGradientBoosting*` hands its own preprocessor: it refuses what is not a number."""
    if type(value) is not partial or value.args or vars(value):
        return False
    check = getattr(sys.modules.get("sklearn.utils.validation"), "check_array", None)
    if not isinstance(check, FunctionType) or value.func is not check or not is_installed(check):
        return False
    # Among the others are those that count rows.
    return value.keywords.keys() <= {"dtype", "ensure_all_finite"}


def _known(found: type) -> KnownClass | None:
    names = (f"{found.__module__}.{found.__qualname__}", _public(found))
    return next((CLASSES[name] for name in names if name in CLASSES), None)


def _public(found: type) -> str:
    return f"{'.'.join(found.__module__.split('.')[:2])}.{found.__qualname__}"


def _instance(value: Any, known: KnownClass, where: str) -> Found:
    found: type = type(value)
    own = getattr(value, "__dict__", {})
    for name in set(own) & _methods_of(found):
        yield _unknown_class(where, found, f" whose {_shown(name)} was replaced")
    for name, allowed in known.only.items():
        if name in known.checks and _is_check(own.get(name)):
            continue
        if not isinstance(own.get(name), str | bool | NoneType) or own.get(name) not in allowed:
            detail = known.why or f"whose {_shown(name)} is {_value_in_words(own.get(name))}"
            yield _unknown_class(where, found, f" {detail}")


@lru_cache(maxsize=256)
def _methods_of(found: type) -> frozenset[str]:
    """The names before which an instance's own attribute would stand."""
    return frozenset(
        name
        for each in found.__mro__
        for name, member in vars(each).items()
        if hasattr(member, "__get__") and not hasattr(member, "__set__")
    )


def _unknown(value: Any, where: str) -> str:
    if callable(value) and isinstance(getattr(value, "__name__", None), str):
        return f"{where} is {_value_in_words(value)}, {_NOT_KNOWN}"
    return _unknown_class(where, type(value), "")


def _unknown_class(where: str, found: type, detail: str) -> str:
    name = _short(found) if _known(found) else _shown(f"{found.__module__}.{found.__qualname__}")
    article = "an" if name[:1] in "AEIOU" else "a"
    return f"{where} is {article} {name}{detail}, {_NOT_KNOWN}"


_NOT_KNOWN: Final = f"which is not known to answer each row by itself; {_TAG}"


def _value_in_words(value: Any) -> str:
    if isinstance(value, str):
        return f"'{_shown(value)}'"
    if value is None or type(value) is bool:
        return str(value)
    return "a function" if callable(value) else f"of {_shown(type(value).__qualname__)}"


def _in_words(where: str, kind: str, name: str) -> str:
    return f"{where} is {kind} {_shown(name)}, {_NOT_KNOWN}"


def _short(found: type) -> str:
    return _shown(found.__qualname__)


def _shown(text: object) -> str:
    escaped = str(text).encode("unicode_escape").decode()
    return f"{escaped[:_LONGEST]}..." if escaped[_LONGEST:] else escaped
