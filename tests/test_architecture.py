"""Who may import whom, read from every import of the source, late ones included."""

import ast
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Which process runs a module: the longest of these names that stands at its beginning says so. What
# is SHARED runs in several; CHILDREN is what every child of the zygote runs.
FRONT, SHARED, CHILDREN, ZYGOTE = "front", "shared", "every child", "zygote"
HOST, DECODER, INSPECTOR, COMPARER = "host", "decoder", "inspector", "comparer"
REGISTRY, FORWARDER, COMMAND = "registry child", "forwarder", "command"
BUILDER = "builder"
PROCESSES = {
    "": FRONT,
    "background": SHARED,
    "bake_tag": SHARED,
    "blocked_tag": SHARED,
    "copy_source": SHARED,
    "copying": COMMAND,
    "errors": SHARED,
    "environments.supervised": BUILDER,
    "exits": COMMAND,
    "fallback_tag": SHARED,
    "hold_tag": SHARED,
    "origin": COMMAND,
    "patterns": SHARED,
    "refs": SHARED,
    "rollout": SHARED,
    "retry_tag": SHARED,
    "rollout_tags": SHARED,
    "shadow_tag": SHARED,
    "split_tag": SHARED,
    "status_tag": SHARED,
    "tombstones": SHARED,
    "typed": SHARED,
    "validation": COMMAND,
    "validation_tag": SHARED,
    "working_folder": COMMAND,
    "contract": SHARED,
    "contract.comparison": FRONT,
    "processes": SHARED,
    "processes.front": FRONT,
    "processes.child": CHILDREN,
    "zygote": ZYGOTE,
    "zygote.front": FRONT,
    "zygote.wire": SHARED,
    "host": HOST,
    "host.wire": SHARED,
    "comparer": COMPARER,
    "comparer.front": FRONT,
    "comparer.wire": SHARED,
    "decoder": DECODER,
    "decoder.front": FRONT,
    "decoder.wire": SHARED,
    "inspector": INSPECTOR,
    "inspector.front": FRONT,
    "inspector.wire": SHARED,
    "registry.child": REGISTRY,
    "registry.store": SHARED,
    "registry.wire": SHARED,
    "registry.forwarder": FORWARDER,
    "registry.forwarder.front": FRONT,
    "registry.forwarder.wire": SHARED,
    "registry.webhooks.registration": COMMAND,
    "registry.writer": COMMAND,
    "checks": COMMAND,
    "cli": COMMAND,
    "doctor": COMMAND,
    "local": COMMAND,
    "migration": COMMAND,
    "promotion": COMMAND,
    "provisioning": COMMAND,
}
# What runs first in each process, and whose files it may run besides its own and what is shared.
MAINS = {
    "service.app": {FRONT},
    "service.zygote_command": {FRONT},
    "service.zygote.main": {ZYGOTE, CHILDREN, HOST},  # it notes what hosts share
    "service.host.main": {HOST, CHILDREN},
    "service.host.main_with_skops": {HOST, CHILDREN},
    "service.decoder.main": {DECODER, CHILDREN},
    "service.inspector.main": {INSPECTOR, CHILDREN},
    "service.comparer.main": {COMPARER, CHILDREN},
    "service.registry.child.main": {REGISTRY, CHILDREN},
    "service.registry.child.main_with_database": {REGISTRY, CHILDREN},
    "service.registry.forwarder.main": {FORWARDER, REGISTRY, CHILDREN},  # one of its roles
}
# Names that mean the same in every room where they stand.
COMMON_FILES = {"__init__", "errors", "front", "main", "wire"}
# What following asks of the registry.
FOLLOWING_PORTS = {
    *("following.history", "following.ports", "patterns", "refs", "tombstones"),
    *("bake_tag", "blocked_tag", "following.bake", "hold_tag", "rollout.verdict", "rollout_tags"),
    "shadow_tag",
    "split_tag",
}
_BELOW = {"background", "contract", "processes", "errors"}
# What an engine is made of: neither a transport nor a protocol, no metrics and no logs.
_ENGINES = {
    *("decoder.front", "following", "hosting", "inspector.front", "registry"),
    *("zygote.front.handle", "zygote.front.spawning"),
}
# Each room, and what it may import besides itself. The rest of `service` stands on top.
ROOMS = {
    "errors": set[str](),
    "background": set[str](),
    "refs": {"errors"},
    "patterns": {"errors", "refs"},
    "tombstones": {"refs"},
    "blocked_tag": {"tombstones"},
    "hold_tag": set(),
    "rollout_tags": {"hold_tag"},
    "bake_tag": {"rollout_tags", "split_tag"},
    "fallback_tag": {"split_tag"},
    "retry_tag": set(),
    "split_tag": {"rollout_tags"},
    "shadow_tag": {"rollout_tags", "split_tag"},
    "rollout": {"bake_tag", "fallback_tag", "rollout_tags", "shadow_tag", "split_tag"},
    "typed": {"refs"},
    "exits": set(),
    "origin": set(),
    "contract": {"errors"},
    "processes": {"background", "errors"},
    "zygote": {"background", "errors", "processes", "host.isolation"},
    "host": {
        *("contract.alike", "contract.model_input"),
        *("processes.child.channel", "processes.child.keeper"),
        *("processes.child.scheduling", "processes.exhausted"),
        *("processes.frames", "processes.parcels"),
    },
    "decoder": {*_BELOW, "host.wire", "hosting.specification"},
    "inspector": set(_BELOW),
    "comparer": {"rollout", *_BELOW},
    "shadowing": {
        *("comparer.front", "comparer.wire", "following", "predicting", "refs", "rollout"),
        "split_tag",
        *_BELOW,
    },
    "hosting": {*_BELOW, "host.wire"},
    "environments": {
        *("hosting.specification", "inspector.wire", "registry.front.leases"),
        *("registry.store.artifacts", "registry.store.durable", "registry.store.locks"),
        *("zygote.front.handle", "zygote.front.process", "zygote.front.spawning", *_BELOW),
    },
    "registry": {
        *("config.addresses", "environments.environment", "environments.logged"),
        *(*_BELOW, *FOLLOWING_PORTS),
    },
    "following": {
        *("bake_tag", "blocked_tag", "copy_source", "fallback_tag", "hold_tag", "patterns"),
        *("refs", "retry_tag", "tombstones"),
        *("environments", "rollout", "rollout_tags", "shadow_tag", "split_tag", "validation_tag"),
        *_BELOW,
    },
    "staging": {
        *("decoder.front", "environments.environment", "following", "hosting", "refs", *_BELOW),
        "retry_tag",
    },
    "call_times": {"hosting", "refs", "rollout"},
    "environment_choice": {"environments", "following", "refs", *_BELOW},
    "events": {
        *("background", "blocked_tag", "config.outgoing", "following", "observers", "processes"),
        *("refs", "registry.webhooks.deliveries"),
    },
    "predicting": {"contract", "errors", "following", "processes.frames", "refs", "rollout"},
    "protocols": {"contract", "errors", "following", "predicting"},
    "http": {
        *("config.origins", "config.prefix", "events.event_faults", "following", "hosting"),
        *("patterns", "predicting", "protocols", "refs", "rollout", "rollout_tags", "shadowing"),
        "split_tag",
        *_BELOW,
    },
    "console": {
        *("config.prefix", "events.event_faults", "following", "http", "predicting", "refs"),
        *("telemetry.metrics.lives", *_BELOW),
    },
    "grpc": {"contract", "errors", "following", "http", "predicting", "protocols"},
    "server": {"background", "http", "hosting", "errors", "predicting"},
    "observers": {*_ENGINES, "refs", *_BELOW},
    "parts": {
        *_ENGINES,
        *("comparer.front", "comparer.wire", "environment_choice", "environments", "shadowing"),
        *("bake_tag", "call_times"),
        "config",
        "observers",
        "patterns",
        "refs",
        "staging",
        "tombstones",
        *_BELOW,
    },
    "engine": {
        *_ENGINES,
        "call_times",
        "config",
        "environment_choice",
        "environments",
        "observers",
        "parts",
        "refs",
        "shadowing",
        "staging",
        "zygote_command",
        *_BELOW,
    },
    "telemetry": {
        *("events.event_faults", "following", "hold_tag", "hosting", "http", "patterns"),
        *("environments.environment", "predicting", "refs"),
        *("registry.forwarder.wire", "rollout", "rollout_tags", "server", "shadowing"),
        *("split_tag", "tombstones", *_BELOW),
    },
}
HEAVY = {
    *("matplotlib", "mlflow", "numpy", "pandas", "pyarrow", "requests", "scipy", "skops"),
    *("sklearn", "urllib3", "yaml"),
}

TRANSPORTS = {
    *("fastapi", "httptools", "httpx", "prometheus_client", "starlette", "uvicorn", "uvloop"),
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


def process(module: str) -> str:
    """Which process runs a module, as its path says."""
    name = module.removeprefix("service").removeprefix(".")
    while name not in PROCESSES:
        name = name.rpartition(".")[0]
    return PROCESSES[name]


def is_package(module: str) -> bool:
    """Whether it is a folder, of which nothing but a sentence is read."""
    return modules()[module].name == "__init__.py"


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
    assert Import("service.cli.main", "service.cli.train", late=True) in imports()
    assert Import("service.registry.child.fetching", "mlflow.artifacts", late=False) in imports()
    source = (
        "from service.cli import main\nclass A:\n def f(self):\n  import a.b\n  from c import d, e"
    )
    found = list(_imports(ast.parse(source), late=False))
    assert found == [("service.cli.main", False), ("a.b", True), ("c", True), ("c", True)]


@pytest.mark.parametrize(
    ("importer", "imported", "expected"),
    [
        ("service.http.health", "service.following.slots", True),
        ("service.registry.front.client", "service.refs", True),
        ("service.app", "service.http.create", True),
        ("service.engine", "service.following.follower", True),
        ("service.engine", "service.http.create", False),
        ("service.engine", "service.telemetry.metrics.metrics", False),
        ("service.contract.contract", "service.hosting.pool", False),
        ("service.hosting.pool", "service.refs", False),
        ("service.following.follower", "service.registry.front.client", False),
        ("service.following.follower", "service.hosting.pool", False),
        ("service.following.follower", "service.decoder.front", False),
        ("service.registry.front.client", "service.following.slots", False),
        ("service.http.health", "service.config.settings", False),
        ("service.http.intake", "service.protocols.protocol", True),
        ("service.protocols.podium", "service.http.errors", False),
        ("service.protocols.podium", "service.predicting.request", True),
        ("service.predicting.route", "service.protocols.podium", False),
        ("service.following.slots", "service.predicting.request", False),
        ("service.console.stats", "service.http.written", True),
        ("service.http.create", "service.console.stats", False),
        ("service.console.time_series", "service.telemetry.reporting", False),
    ],
)
def test_rules_say_what_they_mean(importer: str, imported: str, expected: bool) -> None:  # noqa: FBT001 - the table's word
    """A rule that refuses nothing would keep nothing."""
    assert allowed(importer, imported) is expected


@pytest.mark.parametrize("name", ROOMS)
def test_room_imports_only_what_stands_below_it(name: str) -> None:
    """Transports, protocols, predicting, following, hosting, contract, errors, in that order.

    `registry` stands behind its port.
    """
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


def test_only_its_command_knows_training_and_is_imported_late() -> None:
    """A service starts without what training needs."""
    crossing = [
        each
        for each in imports()
        if {package(each.importer), package(each.imported)} == {"service", "training"}
    ]
    # A program of its own, that `podium up` runs.
    first_version = "service.local.first_version"
    assert {each.importer for each in crossing} == {"service.cli.train", first_version}
    assert all(each.late for each in imports() if each.imported == "service.cli.train")
    assert all(each.imported != first_version for each in imports())


def test_heavy_libraries_are_imported_in_children_and_training_alone() -> None:
    """The front stays small, and no model's library is in it."""
    importers = {
        each.importer
        for each in imports()
        if package(each.importer) == "service" and package(each.imported) in HEAVY
    }
    assert {process(module) for module in importers} & {FRONT, SHARED, CHILDREN} == set()


@pytest.mark.parametrize("main", MAINS)
def test_process_runs_only_files_whose_path_says_so(main: str) -> None:
    """Not even late: the front imports no child's file, and a child none of the front's."""
    reached = {module for module in reached_from(main) if not is_package(module)}
    assert len(reached) > 5
    allowed_here = {SHARED, *MAINS[main]}
    assert sorted(module for module in reached if process(module) not in allowed_here) == []


def test_every_child_that_the_zygote_forks_is_in_the_table() -> None:
    """A role that is not would be checked by nobody."""
    named = {module for module in modules() if ".main" in module and module != "service.cli.main"}
    assert named <= set(MAINS)


@pytest.mark.parametrize("name", [name for name in PROCESSES if name])
def test_every_name_of_the_table_exists(name: str) -> None:
    """A folder that was moved would otherwise take its rule along."""
    assert f"service.{name}" in modules()


def test_no_file_name_stands_more_than_twice() -> None:
    """Who looks for a file by its name finds it."""
    names = Counter(path.stem for path in modules().values())
    often = {name for name, count in names.items() if count > 2}
    assert often <= COMMON_FILES


def test_no_class_name_means_two_things() -> None:
    """Nor does a type's, in the whole service."""
    places = defaultdict(list)
    ours = {module: path for module, path in modules().items() if package(module) == "service"}
    for module, path in ours.items():
        for name in _types(ast.parse(path.read_text())):
            places[name].append(module)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def _types(tree: ast.Module) -> Iterator[str]:
    """Classes wherever they are, and what a module gives a type's name to."""
    yield from (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    for node in tree.body:
        named = node.targets[0] if isinstance(node, ast.Assign) else None
        named = node.target if isinstance(node, ast.AnnAssign) else named
        if isinstance(named, ast.Name):
            name = named.id.removeprefix("_")
            if name[0].isupper() and not name.isupper() and len(name) > 1:
                yield named.id


def test_engine_is_imported_without_http_and_metrics() -> None:
    """Commands may run one, and so may whatever speaks another protocol."""
    loaded = loaded_by("service.engine")
    assert "service.following.follower" in loaded
    assert loaded & (HEAVY | TRANSPORTS) == set()


@pytest.mark.parametrize("module", ["service.predicting.route", "service.protocols.mlflow"])
def test_predicting_and_protocols_are_imported_without_a_transport(module: str) -> None:
    """Whatever transport there will be."""
    assert loaded_by(module) & (HEAVY | TRANSPORTS) == set()


def loaded_by(module: str) -> set[str]:
    """What there is after its import in a fresh interpreter, where nothing else can bring it."""
    code = f"import {module}, json, sys; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", code]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=400)
    return set(json.loads(done.stdout))


def test_front_is_imported_without_any_heavy_library() -> None:
    """No model's, above all."""
    loaded = loaded_by("service.app")
    assert "fastapi" in loaded
    assert loaded & HEAVY == set()
    assert "httpx" not in loaded, "whoever tells nobody of events needs no client"
    own = {name for name in loaded if name in modules() and not is_package(name)}
    assert {process(name) for name in own} == {FRONT, SHARED}
