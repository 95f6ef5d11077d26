"""How deep, how full and how large a body is, found before anything is made of it.

Without a signature pandas fills a table up to its longest row and to all keys of its records, and
takes kilobytes and a tenth of a millisecond for a column; numpy makes every text of an array as
long as the longest one: a few kilobytes can stand for terabytes, or for minutes.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from service.contract.findings import BODY, Findings, Loc
from service.contract.formats.table import TOO_SPARSE, may_fill

# Of signatures, and of values whose type is `any`: together less than the 254 that orjson writes,
# and few enough for MLflow's enforcement, which takes three calls for each level.
MAX_DEPTH: Final = 100

_CONTAINERS: Final = frozenset({list, dict})


def too_deep(values: Sequence[Any], limit: int = MAX_DEPTH) -> bool:
    """Whether any of the values is nested more than `limit` lists and objects deep."""
    level: Sequence[Any] = values
    for _ in range(limit):
        if _CONTAINERS.isdisjoint(map(type, level)):
            return False
        level = _below(level)
    return not _CONTAINERS.isdisjoint(map(type, level))


def free_of(unwanted: type, values: Sequence[Any]) -> bool:
    """Whether the values are not too deep, and none in them is of that type."""
    level: Sequence[Any] = values
    for _ in range(MAX_DEPTH + 1):
        types = set(map(type, level))
        if unwanted in types:
            return False
        if _CONTAINERS.isdisjoint(types):
            return True
        level = _below(level)
    return False


def _below(level: Sequence[Any]) -> list[Any]:
    below = list(chain.from_iterable(each for each in level if type(each) is list))
    below += chain.from_iterable(each.values() for each in level if type(each) is dict)
    return below


def holds_a_value(payload: Any) -> bool:
    """Whether there is anything in it but nulls, empty lists and empty objects."""
    levels: list[Iterator[Any]] = [iter((payload,))]
    while levels:
        inner = _first_of_use(levels[-1])
        if inner is None:
            levels.pop()
        elif type(inner) is list:
            levels.append(iter(inner))
        elif type(inner) is dict:
            levels.append(iter(inner.values()))
        else:
            return True
    return False


def _first_of_use(values: Iterable[Any]) -> Any:
    return next((each for each in values if each is not None), None)


# Characters of one array, of four bytes each in numpy: 256 MiB.
_MOST_CHARACTERS: Final = 1 << 26
# As many as spreadsheets have. So many of one name, the slowest of all, take pandas two seconds.
MOST_COLUMNS: Final = 1 << 14


def note_size(form: str, payload: Any, max_rows: int, findings: Findings) -> int:
    """How many rows there are, as far as that shows; notes what is too much of anything."""
    base = (*BODY, form)
    if form == "dataframe_split":
        rows = _split(payload, base, findings)
    elif form == "dataframe_records":
        rows = _records(payload, base, findings)
    else:
        rows = _arrays(payload, base, findings)
    if rows > max_rows:
        findings.add(base, f"must have at most {max_rows} rows", "too_many_rows")
    return rows


def _split(payload: Any, base: Loc, findings: Findings) -> int:
    if type(payload) is not dict or type(payload.get("data")) is not list:
        findings.add(base, "must be an object with a list of rows as `data`", "format")
        return 0
    data = payload["data"]
    rows = max(len(data), _length(payload.get("index")))
    _note_filling(data, rows, _length(payload.get("columns")), base, findings)
    return rows


def _records(payload: Any, base: Loc, findings: Findings) -> int:
    if type(payload) is not list:
        findings.add(base, "must be a list of objects, one a row", "type")
        return 0
    _note_filling(payload, len(payload), 0, base, findings)
    return len(payload)


def _note_filling(
    data: Sequence[Any], rows: int, columns: int, base: Loc, findings: Findings
) -> None:
    lists = [len(row) for row in data if type(row) is list]
    objects = [row for row in data if type(row) is dict]
    keys = len(set(chain.from_iterable(objects)))
    width = max(columns, keys, max(lists, default=1))
    sent = sum(lists) + sum(map(len, objects)) + len(data)
    note_table(width, rows, sent, base, findings)


def note_table(width: int, rows: int, sent: int, base: Loc, findings: Findings) -> None:
    """Notes more columns than pandas can be asked for, or far more cells than were sent."""
    if width > MOST_COLUMNS:
        text = f"must have at most {MOST_COLUMNS} columns: the model has no signature"
        findings.add(base, text, "too_many_columns")
    elif not may_fill(rows * width, sent):
        findings.add(base, TOO_SPARSE, "too_many_rows")


def _arrays(payload: Any, base: Loc, findings: Findings) -> int:
    parts = _parts(payload)
    if any(_characters(part) > _MOST_CHARACTERS for part in parts):
        text = "must have shorter texts, or fewer values beside them"
        findings.add(base, text, "too_many_rows")
    return max((len(part) for part in parts if type(part) is list), default=1)


def _parts(payload: Any) -> Sequence[Any]:
    """What becomes one array each."""
    if type(payload) is dict:
        return list(payload.values())
    if type(payload) is list and payload and all(type(each) is dict for each in payload):
        # One array a column under `instances`, one a value under `inputs`.
        by_key: dict[str, list[Any]] = {}
        for record in payload:
            for key, value in record.items():
                by_key.setdefault(key, []).append(value)
        return list(by_key.values())
    return (payload,)


def _characters(value: Any) -> int:
    leaves = list(_leaves(value))
    longest = max((len(leaf) for leaf in leaves if type(leaf) is str), default=0)
    return longest * len(leaves)


def _leaves(value: Any) -> Iterator[Any]:
    level = [value]
    while level:
        yield from (each for each in level if type(each) is not list)
        level = list(chain.from_iterable(each for each in level if type(each) is list))


def _length(labels: Any) -> int:
    # pandas takes an object's keys.
    return len(labels) if type(labels) in {list, dict} else 0
