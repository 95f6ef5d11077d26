"""Queries of slices: comparisons of columns with values, and nothing that could run code.

pandas' own `query` reaches attributes, methods and variables of the program. What may stand in a
policy is read first, and all else is refused.
"""

import ast
import re
from collections.abc import Mapping
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


def checked_query(text: str) -> str:
    """The query as it is; raises `ValueError` that says what may not stand in it."""
    _read(text)
    return text


def columns_of(text: str) -> frozenset[str]:
    """The columns that a checked query names."""
    tree, quoted = _read(text)
    names = [each.id for each in ast.walk(tree) if isinstance(each, ast.Name)]
    return frozenset(quoted.get(name, name) for name in names)


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
    if wrong is None and not isinstance(tree.body, ast.BoolOp | ast.UnaryOp | ast.Compare):
        wrong = "must be a comparison, or several joined by and, or, not"
    if wrong is not None:
        raise ValueError(wrong)
    if any(name in str(_value(each)) for each in ast.walk(tree) for name in quoted):
        raise ValueError("may not hold a backtick in a text")
    return tree, quoted


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
