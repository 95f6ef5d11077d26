"""Whether a class is as its own package has made it, or somebody has changed how it works.

A function remembers the file that it was compiled from. So no picture of the classes has to be
taken before a model is loaded, which would be kept in memory for all of them, and would lack those
that are first imported with the model. What a model's code puts into a class, or into a module
beside it, comes from a file of its own, or from none.
"""

import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache, partial
from operator import attrgetter, itemgetter, methodcaller
from pathlib import Path
from types import (
    BuiltinFunctionType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, Final

import numpy as np

# Where packages lay before any model was loaded: what a model ships is found elsewhere.
_INSTALLED: Final = frozenset(
    {str(Path(entry).absolute()) for entry in sys.path if entry}
    | {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
) - {str(Path(__file__).resolve().parents[3])}
# Where listed classes find what they use, besides the modules that define them, and those from
# which these have a function.
_HELPERS: Final = (
    *("sklearn.base", "sklearn.metrics.pairwise", "sklearn.utils", "sklearn.utils._array_api"),
    *("sklearn.utils._encode", "sklearn.utils._indexing", "sklearn.utils._mask"),
    *("sklearn.utils._response", "sklearn.utils._set_output", "sklearn.utils._tags"),
    *("sklearn.utils._unique", "sklearn.utils.class_weight", "sklearn.utils.extmath"),
    *("sklearn.utils.fixes", "sklearn.utils.metaestimators", "sklearn.utils.multiclass"),
    *("sklearn.utils.parallel", "sklearn.utils.sparsefuncs", "sklearn.utils.stats"),
    *("sklearn.utils.validation", "sklearn._config", "sklearn._loss.link", "sklearn._loss.loss"),
)
# Copies of other packages, which make their functions of others as they are imported.
_VENDORED: Final = ("sklearn.externals.", "scipy._lib.", "scipy.optimize.")
# Its mixins and decorators are in the classes of others, too.
_EVERYWHERE: Final = "sklearn"
_CALLING: Final = "mlflow"
# Of Python's own, and of NumPy's before 1.25, which wrote functions around its own.
_FROZEN: Final = ("<frozen ", "<__array_function__ internals>")
# Of the standard library: their wrappers say that they are from where the wrapped function is.
_WRAPPING: Final = frozenset({"abc", "contextlib", "dataclasses", "functools"})
# What they make can be called, and is no method that a class was written with.
_MAKERS: Final = frozenset({"functools", "numpy", "operator"})
_DEEPEST: Final = 4
# A method under the name of another, as its author wrote it.
_ALIASES: Final = frozenset({("IdentityLink", "inverse", "link")})
# Compiled functions under other names, as older scikit-learns import them.
_RENAMED: Final = frozenset(
    {
        ("_csc_mean_var_axis0", "csc_mean_variance_axis0"),
        ("_csr_mean_var_axis0", "csr_mean_variance_axis0"),
        ("_incr_mean_var_axis0", "incr_mean_variance_axis0"),
    }
)
# By which SciPy's classes make arrays.
_ARRAYS: Final = "scipy._lib.array_api_compat."


class Origins:
    """For one look at one model: each class and each module is looked at once."""

    def __init__(self) -> None:
        self._classes: dict[type, bool] = {}
        self._modules: dict[str, bool] = {}

    def untouched(self, found: type) -> bool:
        """Whether it stands where its package has put it, and nobody has changed its methods.

        Nor those that it inherits, nor the functions beside them in their modules.
        """
        return _is_public(found) and all(
            self._is_own(each) for each in found.__mro__ if each.__module__ != "builtins"
        )

    def _is_own(self, found: type) -> bool:
        if found not in self._classes:
            self._classes[found] = self._look(found)
        return self._classes[found]

    def _look(self, found: type) -> bool:
        top = found.__module__.partition(".")[0]
        if folder_of(top) is None:
            return False
        helpers = _HELPERS if top == _EVERYWHERE else ()
        return all(map(self._is_clean, _with_lenders((found.__module__, *helpers)))) and all(
            _is_its_own(value, name, found, {top, _EVERYWHERE})
            for name, value in list(vars(found).items())
        )

    def _is_clean(self, name: str) -> bool:
        if name not in self._modules:
            module = sys.modules.get(name)
            self._modules[name] = module is None or _all_installed(vars(module))
        return self._modules[name]


def belongs_to(function: FunctionType, owner: type) -> bool:
    """Whether a function that an instance holds is a method of its class, or made by one.

    Or one of those by which SciPy makes arrays.
    """
    if any(vars(each).get(function.__name__) is function for each in owner.__mro__):
        return True
    home = sys.modules.get(function.__module__ or "")
    if function.__module__.startswith(_ARRAYS) and _top(function) == owner.__module__[:5]:
        return getattr(home, function.__name__, None) is function and is_installed(function)
    module = sys.modules.get(owner.__module__)
    return (
        function.__qualname__.startswith(f"{owner.__qualname__}.")
        and "<locals>" in function.__qualname__
        and function.__code__.co_filename == getattr(module, "__file__", None)
    )


@lru_cache(maxsize=256)
def _with_lenders(modules: tuple[str, ...]) -> frozenset[str]:
    """Those modules, and of the same package those whose functions they call by their own name."""
    top = modules[0].partition(".")[0]
    if top == _CALLING:
        # Hosts adapt what lies beside these two classes, which call the model and no more.
        return frozenset(modules)
    lenders = {
        value.__module__
        for module in modules
        for value in list(vars(sys.modules.get(module, sys)).values())
        if isinstance(value, FunctionType) and _top(value) in {top, _EVERYWHERE}
    }
    return frozenset(
        name for name in {*modules, *lenders} if name in modules or not name.startswith(_VENDORED)
    )


@lru_cache(maxsize=256)
def folder_of(package: str) -> str | None:
    """Where that package or module is installed, with `/` at the end of a folder.

    None where it is not among what was installed before any model was loaded. "" for what is
    compiled into the interpreter.
    """
    module = sys.modules.get(package)
    file = getattr(module, "__file__", None)
    if file is None:
        return "" if package in sys.builtin_module_names else None
    place = Path(file).parent if hasattr(module, "__path__") else Path(file)
    # CatBoost's extension lies in its package, and is imported as if it did not.
    above = place.parents[1 if place.suffix == ".so" else 0]
    if not {str(place.parent.absolute()), str(above.absolute())} & _INSTALLED:
        return None
    return f"{place}/" if hasattr(module, "__path__") else str(place)


def _is_public(found: type) -> bool:
    return getattr(sys.modules.get(found.__module__), found.__qualname__, None) is found


def _is_its_own(value: Any, name: str, owner: type, packages: set[str]) -> bool:
    if isinstance(value, FunctionType) and not _is_in_place(value, name, owner):
        return False
    if type(value).__module__ in _MAKERS and not isinstance(value, cached_property):
        return False
    if isinstance(value, BuiltinFunctionType) and not name.startswith("__"):
        return False
    return all(
        is_installed(function) and _top(function) in packages | _WRAPPING
        for function in _functions(value)
    )


def _is_in_place(function: FunctionType, name: str, owner: type) -> bool:
    """No method of another class, nor one of this class under another name."""
    where, _, called = function.__qualname__.rpartition(".")
    if not where or where.endswith("<locals>"):
        return True
    ours = name.endswith(called) or (where, name, called) in _ALIASES
    return where == owner.__qualname__ and ours


def _top(function: FunctionType) -> str:
    return (function.__module__ or "").partition(".")[0]


def is_installed(function: FunctionType) -> bool:
    """Whether it was compiled from a file of the package that it says it is from."""
    file = function.__code__.co_filename
    # What such a wrapper wraps is looked at as well.
    homes = map(folder_of, (_top(function), *_WRAPPING, _EVERYWHERE))
    return any(home and file.startswith(home) for home in homes) or file.startswith(_FROZEN)


def _functions(value: Any, depth: int = 0) -> Iterator[FunctionType]:
    """The functions in a member of a class: what it is, what it wraps, what it closes over."""
    if depth > _DEEPEST or isinstance(value, type | ModuleType | Mapping):
        return
    if isinstance(value, FunctionType):
        yield value
    for each in _held(value):
        yield from _functions(each, depth + 1)


def _held(value: Any) -> Iterator[Any]:
    if isinstance(value, FunctionType):
        yield from (cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell))
        yield from (*vars(value).values(), *(value.__defaults__ or ()))
    elif isinstance(value, property):
        yield from (value.fget, value.fset, value.fdel)
    elif isinstance(value, staticmethod | classmethod | MethodType):
        yield value.__func__
    elif hasattr(value, "__dict__"):
        yield from _when_called(value)
        yield from list(vars(value).values())


def _when_called(value: Any) -> Iterator[FunctionType]:
    """What it runs when it is called, or looked up on an instance."""
    for name in ("__call__", "__get__"):
        function = getattr(type(value), name, None)
        if isinstance(function, FunctionType):
            yield function


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _all_installed(members: Mapping[str, Any]) -> bool:
    """Whether that is so of each function of a module, and of whatever else it may call."""
    return all(
        _is_as_imported(value, name)
        for name, value in list(members.items())
        if not isinstance(value, type | ModuleType)
    )


def _is_as_imported(value: Any, name: str) -> bool:
    if isinstance(value, _MADE):
        return False
    # Before NumPy 1.25 its functions were such as Python's.
    compiled = isinstance(value, _COMPILED) and not isinstance(value, FunctionType)
    if compiled and value.__name__ != name and (name, value.__name__) not in _RENAMED:
        # Under the name of another; scikit-learn does so with a clock.
        return bool(value.__module__ == "time")
    functions = _functions(value) if isinstance(value, _WHOLE) else _when_called(value)
    return all(map(is_installed, functions))


# No module of a listed class has any of these by itself.
_MADE: Final = (
    *(partial, MethodType, MethodWrapperType, MethodDescriptorType, WrapperDescriptorType),
    *(attrgetter, itemgetter, methodcaller, np.vectorize),
)
_COMPILED: Final = (BuiltinFunctionType, type(np.sort))
_WHOLE: Final = (FunctionType, type(lru_cache(id)))
