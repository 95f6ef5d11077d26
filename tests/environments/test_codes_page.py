"""Every code that building an environment may end with, or find, stands where operators look."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The first text of what is raised or noted, or the second of a word of uv's.
_RAISED = re.compile(
    r"(?:EnvironmentRefused|EnvironmentDelayed|WishMistake)\(\s*\"(\w+)\""
    r"|_(?:word|passing)\(\s*r?f?\".*?\",\s*\"(\w+)\",",
    re.DOTALL,
)
_NAMED = re.compile(r"^[A-Z_]+: Final = (?:\(\s*)?\"([a-z]+_[a-z_]+)\"", re.MULTILINE)
_FINDING = re.compile(r"\(\"([a-z]+_[a-z_]+)\", _")
# What is no code.
_OTHERS = {"stopping"}


def test_every_code_of_environments_is_on_the_page() -> None:
    """With what it means, and what mends it."""
    page = (ROOT / "docs" / "operate.md").read_text()
    told = set(re.findall(r"`(\w+)`", page))
    found = set[str]()
    for path in (ROOT / "service" / "environments").glob("*.py"):
        text = path.read_text()
        for pattern in (_RAISED, _NAMED, _FINDING):
            for each in pattern.findall(text):
                found.update([each] if isinstance(each, str) else filter(None, each))
    assert {"package_nowhere", "index_not_allowed", "disk_full", "python_missing"} <= found
    assert found - told - _OTHERS == set()
