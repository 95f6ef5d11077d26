"""docs/observe.md lists every metric and every event of the log, as the code has them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog import get_logger

from service.following.slots import Slots
from service.http.shadow import NO_LINES
from service.patterns import RefPattern
from service.telemetry.events import EventsReport
from service.telemetry.metrics.metrics import Metrics
from service.telemetry.metrics.shadowing import ShadowCollector
from service.telemetry.residency import ResidencyReport
from service.telemetry.words import SAYINGS
from tests.support.documents import ROOT
from tests.support.logged_events import Unreadable, logged_events

PAGE = (ROOT / "docs/observe.md").read_text()
Kind = tuple[str, frozenset[str]]


def table(heading: str) -> Mapping[str, Kind]:
    """Type or level, and labels or fields, by name; each name once."""
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert len(cells) > 20
    assert {len(row) for row in cells} == {5}
    assert all(meaning for _, _, _, meaning, _ in cells)
    found = {
        name.strip("`"): (kind, frozenset(filter(None, labels.split(", "))))
        for name, kind, labels, _, _ in cells
    }
    assert len(found) == len(cells)
    return found


def registered() -> Mapping[str, Kind]:
    """What a whole service registers."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.watch(Slots([], [RefPattern.parse("*@champion")]))
    ResidencyReport(registry, get_logger())
    registry.register(ShadowCollector(NO_LINES))
    EventsReport(registry, get_logger())
    metrics.http.watch_webhook()
    found: dict[str, Kind] = {}
    for collector in registry._collector_to_names:
        families: list[Any] = (
            [collector] if hasattr(collector, "_labelnames") else list(collector.collect())
        )
        for family in families:
            kind = getattr(family, "_type", None) or family.type
            name = getattr(family, "_name", None) or family.name
            labels = frozenset(getattr(family, "_labelnames", ()))
            found[f"{name}_total" if kind == "counter" else name] = (kind, labels)
    return found


def test_page_lists_every_metric_with_its_type_and_labels() -> None:
    """And none that is not there."""
    assert table("Metrics") == registered()


def test_every_metric_that_the_code_names_is_registered() -> None:
    """One that is made later, or elsewhere, would be missing from the page unseen."""
    code = "".join(path.read_text() for path in (ROOT / "service").rglob("*.py"))
    named = set(re.findall(r'"(podium_[a-z_]+)"', code)) - {"podium_work"}
    assert named == {name for name in registered() if name.startswith("podium_")}


def test_page_lists_every_event_with_its_level_and_fields() -> None:
    """And none that is never logged."""
    events, page = logged_events(), table("Log")
    assert page.keys() == events.keys()
    for name, event in events.items():
        level, fields = page[name]
        assert fields == event.fields, name
        assert event.levels <= {level}, name


def test_every_event_has_words_and_these_name_its_own_fields() -> None:
    """A person at a terminal reads no `?`."""
    events = logged_events()
    assert SAYINGS.keys() == events.keys()
    for name, saying in SAYINGS.items():
        used = set(re.findall(r"{(\w+)}", saying.text + saying.advice)) | {*saying.reason}
        assert used <= events[name].fields, name


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('logger.info("a", x=1)', {"a": {"x"}}),
        (
            'self._logger.warning("a" if b else "c", exc_info=e)',
            {"a": {"exception"}, "c": {"exception"}},
        ),
        ('def f():\n    line = {"event": "a", "x": 1}\n    line["y"] = 2', {"a": {"x", "y"}}),
    ],
)
def test_reading_of_the_source_misses_nothing(
    source: str, expected: Mapping[str, set[str]], tmp_path: Path
) -> None:
    """However an event is logged."""
    (tmp_path / "module.py").write_text(source)
    assert {name: event.fields for name, event in logged_events(tmp_path).items()} == expected


@pytest.mark.parametrize("source", ["logger.info(name)", 'logger.info("a", **fields)'])
def test_what_cannot_be_listed_is_refused(source: str, tmp_path: Path) -> None:
    """An event whose name or fields are made up as it is logged."""
    (tmp_path / "module.py").write_text(source)
    with pytest.raises(Unreadable):
        logged_events(tmp_path)
