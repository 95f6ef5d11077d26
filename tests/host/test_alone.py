"""A host stands alone: an older Python, its own few libraries, and nothing of the front."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import mlflow
import orjson
import pytest

from service.host.wire import HostOperation
from service.processes.frames import Status
from tests.host.alone import MAIN, copied_to, environment, files, host, interpreter, libraries_of
from tests.support import models
from tests.test_architecture import HOST, is_package, process

# What a host shares with the front: frames, the wire and the types of what it carries, the kernel's
# rules of life and death; and with other children what these are.
SHARED: Final = {
    *("service.contract.alike", "service.contract.model_input", "service.errors"),
    "service.host.wire",
    *("service.processes.exhausted", "service.processes.exhausted", "service.processes.frames"),
    *("service.processes.lifetime", "service.processes.parcels"),
}
LIBRARIES: Final = {"mlflow", "numpy", "opentelemetry", "orjson", "pandas"}
IF_THERE: Final = {"sklearn", "threadpoolctl"}
# What 3.11 and later ones have brought, as far as the service may be tempted.
LATER: Final = frozenset(
    {
        *("tomllib", "typing.Self", "typing.Never", "typing.LiteralString", "typing.assert_never"),
        *("typing.assert_type", "typing.Required", "typing.NotRequired", "typing.Unpack"),
        *("typing.TypeVarTuple", "typing.reveal_type", "typing.dataclass_transform"),
        *("typing.override", "typing.TypeAliasType", "enum.StrEnum", "enum.verify", "enum.member"),
        *("enum.nonmember", "enum.global_enum", "enum.ReprEnum", "enum.EnumCheck"),
        *("datetime.UTC", "dt.UTC", "asyncio.timeout", "asyncio.timeout_at", "asyncio.TaskGroup"),
        *("asyncio.Runner", "asyncio.Barrier", "contextlib.chdir", "itertools.batched"),
        *("hashlib.file_digest", "operator.call", "math.cbrt", "math.exp2", "math.sumprod"),
        *("sys.exception", "inspect.getmembers_static", "logging.getLevelNamesMapping"),
        *("locale.getencoding", "BaseExceptionGroup", "ExceptionGroup", "string.Template.is_valid"),
        *("collections.abc.Buffer", "os.unshare", "os.setns", "warnings.deprecated"),
    }
)
# Asked of whatever stands before the dot.
LATER_METHODS: Final = frozenset({"add_note", "walk", "get_identifiers", "is_junction", "subgroup"})


def later_than(source: str, names: frozenset[str] = LATER) -> set[str]:
    """What a module uses that Python 3.10 has not; its syntax, for how it is written."""
    try:
        tree = ast.parse(source, feature_version=(3, 10))
    except SyntaxError:
        return {"syntax"}
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & names
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} & names
        elif isinstance(node, ast.Attribute):
            found |= {ast.unparse(node)} & names or {node.attr} & LATER_METHODS
        elif isinstance(node, ast.Name):
            found |= {node.id} & names
    return found


def foreign(source: str) -> Iterator[str]:
    """The packages that a module imports, wherever in it, but for Python's own and the service."""
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        packages = {name.partition(".")[0] for name in names}
        yield from packages - sys.stdlib_module_names - {"service"}


@pytest.mark.parametrize(
    "source",
    [
        *("from typing import Self", "import tomllib", "import enum\nclass A(enum.StrEnum): pass"),
        *("import datetime as dt\nprint(dt.UTC)", "try:\n pass\nexcept* ValueError:\n pass"),
        *("import asyncio\nasync def f():\n async with asyncio.timeout(1): pass",),
        *("raise ExceptionGroup('', [])", "error.add_note('')", "for x in path.walk(): pass"),
        *("from collections.abc import Buffer", "from typing import override, Any"),
        *("def f[T](x: T): pass", "type X = int"),
    ],
)
def test_what_an_older_python_has_not_is_found(source: str) -> None:
    """The check that the next test goes by."""
    assert later_than(source)


def test_p17_host_is_written_for_the_oldest_python_that_it_may_meet() -> None:
    """Every file that it runs, shared ones too."""
    found = {name: later_than(path.read_text()) for name, path in files().items()}
    assert len(found) > 25
    assert {name: later for name, later in found.items() if later} == {}


def test_p17_host_shares_frames_and_wire_with_the_front_and_nothing_else() -> None:
    """Whatever it would drag along would have to run in every environment."""
    ours = {name for name in files() if not is_package(name) and process(name) != HOST}
    assert {name for name in ours if not name.startswith("service.processes.child.")} == SHARED


def test_p17_host_asks_for_a_models_libraries_alone() -> None:
    """No file of it names another one, not even late."""
    asked = {package for path in files().values() for package in foreign(path.read_text())}
    assert asked == LIBRARIES | IF_THERE


def test_p17_host_is_imported_where_scikit_learn_is_not(tmp_path: Path) -> None:
    """Nor anything else that the front or some model needs; its files alone are enough."""
    absent = (
        "sklearn",
        "threadpoolctl",
        "skops",
        "scipy",
        "prometheus_client",
        "rich",
        "httpx",
        "structlog",
    )
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({absent!r})); "
        f"sys.path.insert(0, {str(copied_to(tmp_path))!r}); import {MAIN} as main; "
        "print(main.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=400
    )
    assert done.stdout.startswith(str(tmp_path))


@pytest.mark.skipif(
    "TEST_HOST_ALONE" not in os.environ, reason="makes an environment: make host-alone"
)
@pytest.mark.skipif(interpreter() is None, reason="this machine has no Python 3.10")
def test_p17_host_predicts_in_an_older_python_with_its_own_libraries_alone(tmp_path: Path) -> None:
    """Loads a version of Python functions, warms it up and answers, without scikit-learn."""
    python = environment(str(interpreter()), tmp_path / "environment", mlflow.__version__)
    place = models.save(tmp_path, "temperamental")
    assert libraries_of(python).isdisjoint({"scikit-learn", "scipy", "pyarrow", "mlflow"})
    with host(python, copied_to(tmp_path / "ours")) as asked:
        assert asked.hello["python"].startswith("3.10.")
        loaded = asked.load(place)
        assert loaded.status is Status.DONE, loaded.head
        shown = asked.predict(HostOperation.WARM_UP, 1.0, 2.0, 4.0)
        assert orjson.loads(shown.head)["row_wise"], shown.head
        assert asked.ask(HostOperation.READY, b"").status is Status.DONE
        assert asked.predict(HostOperation.PREDICT, 1.0, 3.0).body == b"[2.0,6.0]"
