"""Every event that the source logs, read from the source: its name, levels and fields."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.documents import ROOT

LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
# What a call spreads into its fields, by the function that makes it.
SPREAD = {
    "_why": {"code", "message", "detail"},
    "_ending": {"pid", "reason", "status"},
    "_named": {"model", "version"},
}
# Where libraries' own loggers are used, whose messages are the event `library`.
OTHERS = {"protocol.py"}
# Fields that structlog and the log's own lines have everywhere.
EVERYWHERE = {"level", "event", "timestamp"}
RENAMED = {"exc_info": "exception"}


@dataclass
class Logged:
    """One event: by which levels, and with which fields."""

    levels: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)


class Unreadable(Exception):
    """A call whose event or fields cannot be told from the source alone."""


def logged_events(root: Path = ROOT / "service") -> Mapping[str, Logged]:
    """By name; raises `Unreadable` where something is logged that cannot be listed."""
    found: defaultdict[str, Logged] = defaultdict(Logged)
    for path in sorted(root.rglob("*.py")):
        if path.name in OTHERS:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            for name, levels, fields in _events(node, f"{path.name}:{getattr(node, 'lineno', 0)}"):
                found[name].levels |= levels
                found[name].fields |= fields
    return found


def _events(node: ast.AST, where: str) -> Iterator[tuple[str, set[str], set[str]]]:
    if isinstance(node, ast.Call) and _logs(node.func):
        level = node.func.attr  # type: ignore[attr-defined]  # as `_logs` has seen
        levels = {"error" if level == "exception" else level}
        for name in _names(node.args, where):
            yield name, levels, set(_fields(node.keywords, where))
    elif isinstance(node, ast.Dict):
        yield from _made(node, [])
    elif isinstance(node, ast.FunctionDef):
        yield from _made_in(node)


def _made(made: ast.Dict, later: Sequence[str]) -> Iterator[tuple[str, set[str], set[str]]]:
    """An event that is made by hand: a dictionary with its name."""
    texts = {
        key.value: value.value if isinstance(value, ast.Constant) else None
        for key, value in zip(made.keys, made.values, strict=True)
        if isinstance(key, ast.Constant)
    }
    if texts.get("event"):
        levels = {str(texts["level"])} if texts.get("level") else set()
        yield str(texts["event"]), levels, {*map(str, texts), *later} - EVERYWHERE


def _made_in(function: ast.FunctionDef) -> Iterator[tuple[str, set[str], set[str]]]:
    """The same with what is put into it afterwards: `line["error"] = ...`."""
    later = [
        str(target.slice.value)
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant)
    ]
    for node in ast.walk(function):
        if isinstance(node, ast.Dict):
            yield from _made(node, later)


def _logs(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute) or function.attr not in LEVELS:
        return False
    told = function.value
    name = told.attr if isinstance(told, ast.Attribute) else getattr(told, "id", "")
    return name in {"logger", "_logger"}


def _names(arguments: Sequence[ast.expr], where: str) -> Iterator[str]:
    if len(arguments) != 1:
        raise Unreadable(where)
    waiting = [arguments[0]]
    while waiting:
        match waiting.pop():
            case ast.Constant(value=str(name)):
                yield name
            case ast.IfExp(body=body, orelse=other):
                waiting += [body, other]
            case _:
                raise Unreadable(f"{where}: the event's name is not a text")


def _fields(keywords: Sequence[ast.keyword], where: str) -> Iterator[str]:
    for keyword in keywords:
        match keyword:
            case ast.keyword(arg=str(name)):
                yield RENAMED.get(name, name)
            case ast.keyword(value=ast.Call(func=ast.Name(id=name))) if name in SPREAD:
                yield from SPREAD[name]
            case _:
                raise Unreadable(f"{where}: fields that cannot be told")
