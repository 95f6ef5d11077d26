"""docs/troubleshooting.md has a row for each sentence that a reply with 503 may say."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/troubleshooting.md").read_text()
FAMILY = {"NotNow", "NoServable", "NotLoaded", "Overloaded"}


def sentences() -> Iterator[str]:
    """What the errors of the family are raised with, by names that stand in the same file."""
    for path in (ROOT / "service").rglob("*.py"):
        tree = ast.parse(path.read_text())
        named = dict(_named(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in FAMILY:
                said = node.args[0]
                yield named[said.id] if isinstance(said, ast.Name) else ast.literal_eval(said)


def _named(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        target = node.target if isinstance(node, ast.AnnAssign) else target
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
            yield target.id, str(value.value)


def test_every_sentence_of_a_503_has_a_row() -> None:
    """With its code, its cause, and where to look."""
    found = set(sentences()) - {""}
    assert len(found) > 10
    assert {each for each in found if f"| {each} |" not in PAGE} == set()
