"""What `/metrics` shows is as Prometheus has it, by its own rules and its own program."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text_format
from structlog import get_logger

from service.following.slot_status import Failure
from service.patterns import RefPattern
from service.predicting.request import HeldBytes, RequestRecord
from service.refs import ModelRef, VersionId
from service.registry.forwarder.wire import TraceOutcome
from service.shadowing.shadow_line import ShadowBytes, ShadowLine
from service.shadowing.shadow_tally import ComparedVersions, Dropped
from service.telemetry.events import EventsReport
from service.telemetry.metrics.shadowing import ShadowCollector
from service.telemetry.residency import ResidencyReport
from tests.support.documents import ROOT
from tests.support.watched import Watched

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
REFS = (ModelRef("iris", "champion"), ModelRef('odd "name\\\n\u202e', "prod"))
PROMTOOL = shutil.which("promtool")
"""Debian has it in `prometheus`; the rules below are what it looks for (its promlint)."""
# prometheus/client_golang, prometheus/testutil/promlint/validations
_ABBREVIATED = {*("s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d")}
_NO_BASE = {*("milliseconds", "microseconds", "minutes", "hours", "days", "kilobytes", "megabytes")}
_KINDS = {"counter", "gauge", "histogram", "summary"}


class _Shadowed:
    """A shadow to which everything has happened once."""

    def __init__(self) -> None:
        line = ShadowLine(REFS[0], ShadowBytes(1))
        versions = (VersionId(REFS[0].name, 1, number) for number in "12")
        tally = line.of(ComparedVersions(*versions), 1.0)
        for why in Dropped:
            tally.dropped[why] += 1
        self.lines = {REFS[0]: line}


def exposition(accept: str = "") -> str:
    """What is shown of a service in which everything has happened once."""
    service = Watched(*REFS, patterns=[RefPattern.parse("other.*@champion")])
    for ref in REFS:
        version = VersionId(ref.name, 1, "1")
        service.serve(ref, "1")
        failure = Failure("load", "load_failed", "It could not be loaded.", 0.0, version)
        service.metrics.following.refused(ref, version, failure)
        slot = service.slots[str(ref)]
        slot.failure = replace(failure)
        slot.traffic = replace(slot.traffic, since=1.0)
        error = RequestRecord(str(ref), "predict", None, 503, 0.1, 0, "", "no_servable")
        service.metrics.http.answered(error)
        service.metrics.hosting.pool(version).memory(7, 1)
    service.registry.register(ShadowCollector(_Shadowed()))
    ResidencyReport(service.registry, get_logger())
    EventsReport(service.registry, get_logger())
    service.metrics.http.watch_webhook()
    service.metrics.http.watch_connections(())
    service.metrics.http.watch_held(HeldBytes(1), HeldBytes(1))
    for outcome in TraceOutcome:
        service.metrics.hosting.traces(outcome, 1)
    encode, _ = choose_encoder(accept)
    return encode(service.registry).decode()


def problems(family: Metric) -> Iterator[str]:
    """What promlint would say of it."""
    words = set(family.name.split("_"))
    if not family.documentation:
        yield "no help"
    if any(re.search(r"[A-Z:]", name) for name in (family.name, *labels(family))):
        yield "camel case or colons"
    if words & (_ABBREVIATED | _NO_BASE):
        yield "units that are not base units"
    if words & _KINDS:
        yield "its kind in its name"
    if family.type != "histogram" and re.search(r"_(count|sum|bucket)$", family.name):
        yield "the suffix of a histogram"
    if family.type != "counter" and family.name.endswith("_total"):
        yield "the suffix of a counter"
    if family.type != "histogram" and labels(family) & {"le", "quantile"}:
        yield "the label of a histogram"


def labels(family: Metric) -> set[str]:
    """The names of all its samples' labels."""
    return {name for sample in family.samples for name in sample.labels}


def test_metrics_keep_the_conventions_of_prometheus() -> None:
    """Names, units, suffixes, help; and the format itself, whatever a registry's names are."""
    text = exposition()
    families = list(text_format(text))
    assert len(families) > 30
    assert {family.name: found for family in families if (found := list(problems(family)))} == {}
    shown = {sample.labels.get("model") for family in families for sample in family.samples}
    assert shown == {None, *(ref.name for ref in REFS)}
    if PROMTOOL:
        done = subprocess.run(
            [PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_openmetrics_shows_the_same() -> None:
    """In its own format, to its end."""
    text = exposition(OPENMETRICS)
    found = {family.name: len(family.samples) for family in openmetrics(text)}  # type: ignore[no-untyped-call]
    assert text.endswith("# EOF\n")
    assert found == {family.name: len(family.samples) for family in text_format(exposition())}


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_nobody_is_told_when_a_series_was_made(accept: str) -> None:
    """To a scraper these would be as many series more."""
    assert "_created" not in exposition(accept)


def test_rules_find_what_they_look_for() -> None:
    """A rule that finds nothing would keep nothing."""
    bad = (
        ("fooMs", "gauge", ""),
        ("a_ms", "gauge", "Help."),
        ("a_minutes", "gauge", "Help."),
        ("a_gauge", "gauge", "Help."),
        ("a_sum", "gauge", "Help."),
        ("a_total", "gauge", "Help."),
    )
    assert all(list(problems(Metric(name, text, kind))) for name, kind, text in bad)


def test_queries_of_the_page_name_what_is_shown(tmp_path: Path) -> None:
    """And can be asked, as far as Prometheus's own program is there to say."""
    page = (ROOT / "docs/observe.md").read_text().partition("## Log")[0]
    rows = [row.strip("|").split("|") for row in page.splitlines() if row.startswith("| `")]
    queries = [query for row in rows for query in re.findall(r"`([^`]+)`", row[4])]
    assert len(queries) > 25
    shown = {sample.name for family in text_format(exposition()) for sample in family.samples}
    for query in queries:
        assert set(re.findall(r"(?:podium|process)_\w+", query)) <= shown, query
    if PROMTOOL:
        rules = [{"record": f"q{number}", "expr": expr} for number, expr in enumerate(queries)]
        (tmp_path / "rules.json").write_text(
            json.dumps({"groups": [{"name": "page", "rules": rules}]})
        )
        done = subprocess.run(
            [PROMTOOL, "check", "rules", tmp_path / "rules.json"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
