"""Queries of slices: comparisons of columns with values, and nothing that could run code.

pandas' own `query` reaches attributes, methods and variables of the program. What may stand in a
policy is read first, and all else is refused.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_PLAIN: Final = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn),
    *(ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple),
)
_VALUES: Final = (str, bool, int, float)
# As pandas has it for names that are not Python's: `petal length (cm)` between backticks.
_QUOTED: Final = re.compile("`([^`]+)`")
_STAND_IN: Final = "quoted_column_{}_"


@dataclass(frozen=True, slots=True)
class QueryNeeds:
    """What a query needs of the data.

    Attributes:
        columns: that it names.
        conditions: those that are true or false by themselves: operands of `and`, `or`, `not`.
        compared: columns beside a value that each is compared with.
    """

    columns: frozenset[str]
    conditions: frozenset[str]
    compared: tuple[tuple[str, str | bool | float], ...]


def checked_query(text: str) -> str:
    """The query as it is; raises `ValueError` that says what may not stand in it."""
    _read(text)
    return text


def needs_of(text: str) -> QueryNeeds:
    """What a checked query needs."""
    tree, quoted = _read(text)

    def column(name: ast.Name) -> str:
        return quoted.get(name.id, name.id)

    names = [each for each in ast.walk(tree) if isinstance(each, ast.Name)]
    conditions = [each for each in _conditions(tree.body) if isinstance(each, ast.Name)]
    compares = [each for each in _conditions(tree.body) if isinstance(each, ast.Compare)]
    return QueryNeeds(
        frozenset(map(column, names)),
        frozenset(map(column, conditions)),
        tuple(
            (column(name), value)
            for each in compares
            for name, values in _beside(each)
            for value in values
        ),
    )


def _conditions(part: ast.expr) -> Iterator[ast.expr]:
    """What `and`, `or` and `not` join, down to comparisons and columns."""
    if isinstance(part, ast.BoolOp):
        for each in part.values:
            yield from _conditions(each)
    elif isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not):
        yield from _conditions(part.operand)
    else:
        yield part


def _beside(compare: ast.Compare) -> Iterator[tuple[ast.Name, list[str | bool | float]]]:
    """Each column of a comparison, and the values on its other side."""
    sides = [compare.left, *compare.comparators]
    for left, right in pairwise(sides):
        for one, other in ((left, right), (right, left)):
            if isinstance(one, ast.Name):
                yield one, [v for each in ast.walk(other) if (v := _literal(each)) is not None]


def _literal(part: ast.AST) -> str | bool | float | None:
    found = part.value if isinstance(part, ast.Constant) else None
    return found if isinstance(found, str | bool | int | float) else None


def _read(text: str) -> tuple[ast.Expression, Mapping[str, str]]:
    """The query, and which column each stand-in for a quoted name is."""
    named = list(dict.fromkeys(_QUOTED.findall(text)))
    quoted = {_STAND_IN.format(at): name for at, name in enumerate(named)}
    stand_ins = {name: stand_in for stand_in, name in quoted.items()}
    plain = _QUOTED.sub(lambda found: stand_ins[found[1]], text.strip())
    try:
        tree = ast.parse(plain, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("must be a query such as `age < 30 and country == 'DE'`") from None
    wrong = next(filter(None, map(_wrong, ast.walk(tree))), None)
    if wrong is None and isinstance(tree.body, ast.Name):
        wrong = "must be a comparison, or several joined by and, or, not"
    wrong = wrong or next(filter(None, map(_no_condition, _conditions(tree.body))), None)
    if wrong is not None:
        raise ValueError(wrong)
    if any(name in str(_value(each)) for each in ast.walk(tree) for name in quoted):
        raise ValueError("may not hold a backtick in a text")
    return tree, quoted


def _no_condition(part: ast.expr) -> str | None:
    """Why this cannot be joined by and, or, not; pandas takes a number there bit by bit."""
    if isinstance(part, ast.Name):
        return None
    if not isinstance(part, ast.Compare):
        return "must be a comparison, or several joined by and, or, not"
    sides = (part.left, *part.comparators)
    if not all(map(_is_side, sides)) or not any(isinstance(side, ast.Name) for side in sides):
        return "must compare columns with values, or with each other"
    return None


def _is_side(part: ast.expr) -> bool:
    if isinstance(part, ast.UnaryOp):
        return isinstance(part.op, ast.USub) and isinstance(part.operand, ast.Name | ast.Constant)
    if isinstance(part, ast.List | ast.Tuple):
        return bool(part.elts) and all(
            _is_side(e) and not isinstance(e, ast.Name) for e in part.elts
        )
    return isinstance(part, ast.Name | ast.Constant)


def _value(part: ast.AST) -> object:
    return part.value if isinstance(part, ast.Constant) else ""


def _wrong(part: ast.AST) -> str | None:
    if not isinstance(part, _PLAIN):
        return f"may compare columns with values and do nothing else, such as {_noun(part)}"
    if isinstance(part, ast.Constant) and not isinstance(part.value, _VALUES):
        return "may hold text, numbers and booleans alone"
    return None


def _noun(part: ast.AST) -> str:
    return {"Call": "call a function", "Attribute": "reach into a value"}.get(
        type(part).__name__, f"hold a {type(part).__name__}"
    )
