"""The dashboard: every panel and every variable asks for series and labels that Podium has.

That each finds something in a real service is shown in `test_dashboard_live.py`.
"""

import json
import re
from typing import Any

import pytest

from tests.deploy.promql import filled, known_series, mistakes
from tests.support.documents import ROOT

DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/podium.json").read_text())
PANELS: list[dict[str, Any]] = [each for each in DASHBOARD["panels"] if each["type"] != "row"]
TITLES = [panel["title"] for panel in PANELS]


def queries() -> list[tuple[str, str]]:
    """Every panel's, and that of annotations, by title."""
    of_panels = [(each["title"], target["expr"]) for each in PANELS for target in each["targets"]]
    marks = [(each["name"], each["expr"]) for each in DASHBOARD["annotations"]["list"][1:]]
    return [*of_panels, *marks]


def test_titles_and_numbers_are_there_once() -> None:
    """Grafana shows one of two panels of a number."""
    assert len({*TITLES}) == len(TITLES)
    assert len({each["id"] for each in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_panels_lie_beside_each_other() -> None:
    """None covers another, none is wider than the page."""
    taken = set[tuple[int, int]]()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = {
            (at["x"] + across, at["y"] + down)
            for across in range(at["w"])
            for down in range(at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize(("title", "query"), queries())
def test_every_query_asks_for_series_and_labels_that_are_there(title: str, query: str) -> None:
    """One that asks for another is an empty panel, which looks like silence."""
    assert list(mistakes(query, known_series())) == [], title


@pytest.mark.parametrize(
    "variable", DASHBOARD["templating"]["list"][1:], ids=lambda each: each["name"]
)
def test_every_variable_is_a_label_of_a_series_that_is_there(variable: dict[str, Any]) -> None:
    """Its choices are that label's values."""
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
    assert found is not None
    known = known_series()
    assert list(mistakes(found[1], known)) == []
    name = re.split(r"[{]", found[1])[0]
    assert found[2] in known[name] | {"instance"}


def test_every_variable_that_a_query_names_is_there() -> None:
    """Grafana sends what it does not know as it is written."""
    own = {each["name"] for each in DASHBOARD["templating"]["list"]}
    for title, query in queries():
        assert {*re.findall(r"\$(\w+)", filled(query))} <= own, title
    assert {*re.findall(r'"\$(\w+)"', str(queries()))} <= own


def test_every_panel_asks_the_source_that_is_chosen() -> None:
    """None is tied to the Prometheus of whoever has drawn it."""
    sources = [each["datasource"]["uid"] for each in PANELS]
    sources += [target["datasource"]["uid"] for each in PANELS for target in each["targets"]]
    assert {*sources} == {"${datasource}"}
