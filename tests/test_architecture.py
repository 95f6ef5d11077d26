"""Who may import whom, read from every import of the source, late ones included."""

import ast
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What following asks of the registry.
FOLLOWING_PORTS = {
    *("following.history", "following.patterns", "following.ports", "following.refs"),
    "following.tombstones",
}
# Each room, and what it may import besides itself. The rest of `service` stands on top.
ROOMS = {
    "errors": set[str](),
    "background": set[str](),
    "contract": {"errors"},
    "processes": {"background", "errors"},
    "hosting": {"background", "contract", "processes", "errors"},
    "registry": {"background", "contract", "processes", "errors", *FOLLOWING_PORTS},
    "following": {"background", "hosting", "processes", "contract", "errors"},
    "http": {"following", "hosting", "processes", "contract", "errors"},
    "server": {"background", "http", "hosting", "errors"},
    "metrics": {"background", "following", "hosting", "http", "processes", "server", "errors"},
}
# What runs in children, or in a command's own process: the front must never import these, nor what
# is heavy in them.
CHILDREN = {
    "service.decoder.parquet_reader",
    "service.decoder.main",
    "service.host.documents",
    "service.host.failures",
    "service.host.main",
    "service.host.inputs",
    "service.inspector.main",
    "service.host.model",
    "service.host.sklearn_matrix",
    "service.host.nested_cells",
    "service.host.no_pickle",
    "service.host.outputs",
    *(f"service.hosting.row_wise.{name}" for name in ("apart", "classes", "origin")),
    *(f"service.hosting.row_wise.{name}" for name in ("perturbed", "trial", "walk")),
    "service.inspector.safe_formats",
    "service.host.main_with_skops",
    "service.host.traces",
    "service.host.tracking",
    "service.zygote.main",
    "service.registry.forwarder.admission",
    "service.registry.child.main",
    "service.registry.child.conda",
    "service.registry.child.main_with_database",
    "service.registry.child.description",
    "service.registry.child.fetching",
    "service.registry.child.fitting",
    "service.registry.forwarder.main",
    "service.registry.child.input_example",
    "service.registry.child.looking",
    "service.registry.child.misconfiguration",
    "service.registry.child.sanitizing",
    "service.registry.child.sparse",
    "service.registry.child.store_faults",
    "service.registry.forwarder.trace_store",
    "service.registry.child.faults",
    "service.registry.child.versions",
    "service.registry.webhooks.registration",
    "service.registry.child.withdrawn",
}
HEAVY = {
    *("matplotlib", "mlflow", "numpy", "pandas", "pyarrow", "requests", "scipy", "skops"),
    *("sklearn", "urllib3", "yaml"),
}


@dataclass(frozen=True, slots=True)
class Import:
    """One import: by which module, of which, and whether inside a function."""

    importer: str
    imported: str
    late: bool

    def __str__(self) -> str:
        return f"{self.importer} imports {self.imported}{' late' if self.late else ''}"


@cache
def modules() -> Mapping[str, Path]:
    """Every module of the product, by its dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for package in ("service", "training")
        for path in (ROOT / package).rglob("*.py")
    }


@cache
def imports() -> tuple[Import, ...]:
    """Every import of the product, of the most precise module that it names."""
    return tuple(
        Import(module, imported, late)
        for module, path in modules().items()
        for imported, late in _imports(ast.parse(path.read_text()), late=False)
    )


def _imports(tree: ast.AST, *, late: bool) -> Iterator[tuple[str, bool]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from ((name if name in modules() else str(node.module), late) for name in whole)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(node, late=late or inside)


def package(module: str) -> str:
    """The first part of a dotted name."""
    return module.partition(".")[0]


def room(module: str) -> str:
    """`service.http.health` is in the room `http`."""
    return module.split(".")[1] if "." in module else ""


def allowed(importer: str, imported: str) -> bool:
    """Whether one module of `service` may import another."""
    here, there = room(importer), room(imported)
    if here not in ROOMS or here == there:
        return True
    return there in ROOMS[here] or imported.removeprefix("service.") in ROOMS[here]


@cache
def reached_from(module: str) -> frozenset[str]:
    """Every module of the product that running this one may ever import."""
    graph = defaultdict(set)
    for each in imports():
        graph[each.importer].add(each.imported)
    reached, waiting = set[str](), [module]
    while waiting:
        current = waiting.pop()
        if current in modules() and current not in reached:
            reached.add(current)
            waiting += [*graph[current], current.rpartition(".")[0]]
    return frozenset(reached)


def test_every_import_is_seen() -> None:
    """The reading of imports itself: early and late ones, of modules and of names in them."""
    assert Import("service.app", "service.config.settings", late=False) in imports()
    assert Import("service.cli.main", "training.command", late=True) in imports()
    assert Import("service.registry.child.fetching", "mlflow.artifacts", late=False) in imports()
    source = "from service import cli\nclass A:\n def f(self):\n  import a.b\n  from c import d, e"
    found = list(_imports(ast.parse(source), late=False))
    assert found == [("service.cli.main", False), ("a.b", True), ("c", True), ("c", True)]


@pytest.mark.parametrize(
    ("importer", "imported", "expected"),
    [
        ("service.http.health", "service.following.slots", True),
        ("service.registry.front.client", "service.following.refs", True),
        ("service.app", "service.http.create", True),
        ("service.contract.contract", "service.hosting.pool", False),
        ("service.hosting.pool", "service.following.refs", False),
        ("service.following.follower", "service.registry.front.client", False),
        ("service.registry.front.client", "service.following.slots", False),
        ("service.http.health", "service.config.settings", False),
    ],
)
def test_rules_say_what_they_mean(importer: str, imported: str, expected: bool) -> None:  # noqa: FBT001 - the table's word
    """A rule that refuses nothing would keep nothing."""
    assert allowed(importer, imported) is expected


@pytest.mark.parametrize("name", ROOMS)
def test_room_imports_only_what_stands_below_it(name: str) -> None:
    """`http -> following -> hosting -> contract -> errors`, and `registry` behind its port."""
    wrong = [
        str(each)
        for each in imports()
        if room(each.importer) == name
        and package(each.imported) == "service"
        and not allowed(each.importer, each.imported)
    ]
    assert wrong == []


def test_every_room_exists() -> None:
    """A room that was renamed would otherwise be checked by nobody."""
    assert {room(module) for module in modules()} >= set(ROOMS)


def test_product_imports_no_tests() -> None:
    """It runs without them."""
    assert [str(each) for each in imports() if package(each.imported) == "tests"] == []


def test_only_the_command_line_knows_training_and_late() -> None:
    """A service starts without what training needs."""
    crossing = [
        each
        for each in imports()
        if {package(each.importer), package(each.imported)} == {"service", "training"}
    ]
    assert crossing
    assert {each.importer for each in crossing} == {"service.cli.main"}
    assert all(each.late for each in crossing)


def test_heavy_libraries_are_imported_in_children_and_training_alone() -> None:
    """The front stays small, and no model's library is in it."""
    importers = {
        each.importer
        for each in imports()
        if package(each.importer) == "service" and package(each.imported) in HEAVY
    }
    assert importers <= CHILDREN


def test_front_never_reaches_what_runs_in_children() -> None:
    """Not even late: the zygote imports those by name, in a process of its own."""
    reached = reached_from("service.app")
    assert len(reached) > 50
    assert reached & CHILDREN == set()


def test_children_never_reach_the_front() -> None:
    """A host needs neither the follower nor HTTP, and forks with as little as possible."""
    for child in ("service.zygote.main", "service.host.main"):
        rooms = {room(module) for module in reached_from(child) if module != "service"}
        assert rooms <= {"hosting", "contract", "processes", "errors"}


def test_front_is_imported_without_any_heavy_library() -> None:
    """In a fresh interpreter, where nothing else can have brought them."""
    code = "import service.app, json, sys; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", code]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=400)
    loaded = set(json.loads(done.stdout))
    assert "fastapi" in loaded
    assert loaded & (HEAVY | CHILDREN) == set()
