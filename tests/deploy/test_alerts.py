"""The alerts that are shipped: Prometheus takes them, each has its unit test and its runbook."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.deploy.programs import needs_programs, run
from tests.deploy.promql import known_series, mistakes
from tests.support.documents import ROOT, table
from tests.test_documents import anchors

RULES = ROOT / "deploy/prometheus/alerts.yaml"
UNIT_TESTS = ROOT / "tests/deploy/alerts.test.yaml"


def alerts() -> list[dict[str, Any]]:
    """Every one."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


NAMES = [alert["alert"] for alert in alerts()]


@needs_programs
def test_prometheus_takes_rules_and_configuration() -> None:
    """By its own program, names of files included."""
    told = run("promtool", "check", "config", "deploy/prometheus/prometheus.yml")
    assert f"{len(NAMES)} rules found" in told


@needs_programs
def test_every_alert_fires_in_its_unit_test_and_not_before() -> None:
    """With the labels and the sentences that an operator reads."""
    assert "SUCCESS" in run("promtool", "test", "rules", str(UNIT_TESTS))


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_a_unit_test_in_which_it_fires_and_one_in_which_it_does_not(
    name: str,
) -> None:
    """Rules without one would pass, too."""
    asked = [
        bool(case["exp_alerts"])
        for part in yaml.safe_load(UNIT_TESTS.read_text())["tests"]
        for case in part["alert_rule_test"]
        if case["alertname"] == name
    ]
    assert {*asked} == {True, False}


@pytest.mark.parametrize("alert", alerts(), ids=NAMES)
def test_every_alert_leads_to_its_place_in_troubleshooting(alert: dict[str, Any]) -> None:
    """Whoever is called at night reads what to do, not what the rule is."""
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert page == "docs/troubleshooting.md"
    assert anchor == alert["alert"].lower()
    assert anchor in anchors(ROOT / page)
    assert alert["annotations"]["summary"]
    assert alert["labels"]["severity"] in {"warning", "critical"}


@pytest.mark.parametrize("alert", alerts(), ids=NAMES)
def test_every_alert_asks_for_series_and_labels_that_are_there(alert: dict[str, Any]) -> None:
    """One that asks for another never fires, and nobody sees that."""
    assert list(mistakes(alert["expr"], known_series())) == []


def queries_of_the_page() -> Iterator[tuple[str, str]]:
    """Each query that docs/observe.md advises, beside the metric for which it does."""
    for name, (*_, query) in table("docs/observe.md", "Metrics").items():
        if query.startswith("`"):
            yield name, query.split("`")[1]


@pytest.mark.parametrize(("name", "query"), [*queries_of_the_page()])
def test_every_query_that_the_page_advises_finds_what_it_asks_for(name: str, query: str) -> None:
    """It is copied as it stands there."""
    assert list(mistakes(query, known_series())) == [], name


def test_query_of_what_is_not_there_is_found_out() -> None:
    """A series, a label, and one that is grouped by."""
    known = {"a_total": frozenset({"x"})}
    told = [
        *mistakes("rate(b_total[1m])", known),
        *mistakes('sum by (z) (rate(a_total{y="1", x="2"}[5m]))', known),
    ]
    assert told == [
        "there is not any b_total",
        "a_total has no label y",
        "nothing here has a label z",
    ]
    with pytest.raises(ValueError, match="parenthesis"):
        list(mistakes("sum by (", known))
