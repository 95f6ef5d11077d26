"""What clients and operators read is plain English: the thing before the clause, "is not a"."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.documents import ROOT

# The rooms that speak to people.
ROOMS = ["access", "checks", "cli", "config", "contract", "http", "local", "telemetry"]
RIDDLES = re.compile(
    r"\b(?:is|are|was|were) no (?!longer\b|more\b|such\b)|\bof which\b|\bno such \w+ as\b"
)


def sentences(room: str) -> Iterator[tuple[str, str]]:
    """Every text of a room of some words, docstrings aside; of commands these are the help."""
    for path in (ROOT / "service" / room).rglob("*.py"):
        tree = ast.parse(path.read_text())
        alone = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = " ".join(node.value.split())
                if text.count(" ") > 1 and (room == "cli" or id(node) not in alone):
                    yield path.name, text


@pytest.mark.parametrize("room", ROOMS)
def test_sentences_say_what_a_thing_is(room: str) -> None:
    """`is not a number` is understood at once, `is no number` at the second reading."""
    found = list(sentences(room))
    assert len(found) > 5
    assert [each for each in found if RIDDLES.search(each[1])] == []
