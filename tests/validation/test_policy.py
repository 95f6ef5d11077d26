"""`validation.yaml`: read whole or refused whole, and known by what it says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from service.validation.policy.reading import BadPolicy, PolicyInForce, canonical, read_policy
from service.validation.policy.validation_policy import DATA_OF_RUN, ValidationPolicy
from tests.support.documents import ROOT

EXAMPLE = ROOT / "docs/validation.yaml"
SCHEMA = ROOT / "docs/schemas/validation-policy.json"


def read(folder: Path, text: str, **flags: Any) -> PolicyInForce:
    """The policy of a file with that text."""
    file = folder / "validation.yaml"
    file.write_text(text)
    return read_policy(file, {name.replace("__", "."): value for name, value in flags.items()})


def mistakes(folder: Path, text: str) -> list[str]:
    """The lines by which it is refused."""
    with pytest.raises(BadPolicy) as refused:
        read(folder, text)
    return str(refused.value).splitlines()


def test_example_of_the_docs_is_a_policy() -> None:
    """What people copy must be taken."""
    policy = read_policy(EXAMPLE).policy
    assert policy.data == DATA_OF_RUN
    assert policy.metrics is not None
    assert policy.metrics["accuracy_score"].min_absolute_change == -0.01
    assert policy.load.max_slower == 1.5


def test_schema_of_the_docs_is_that_of_the_policy() -> None:
    """Editors check `validation.yaml` by it; `python -m service.validation.policy` prints it."""
    assert json.loads(SCHEMA.read_text()) == ValidationPolicy.model_json_schema()


def test_every_mistake_is_listed_with_its_place(tmp_path: Path) -> None:
    """Nobody mends a policy one refusal at a time."""
    text = """
metrics: {accuracy: {threshold: 1}, f1_score: {threshold: yes}, own: {make_metric: 'a.py:b'}}
slices: [{by: a, where: {b: 1}}, {query: 'age.sum() > 1'}]
load: {seconds: -1}
memory: {max_bytes: 1}
memory: {max_bytes: 1.5}
colour: red
task: regressor
"""
    told = "\n".join(mistakes(tmp_path, text))
    for place in (
        *("metrics.accuracy: not a metric", "metrics: need data", "slices: need data"),
        *("metrics.own: needs greater_is_better", "metrics.own: make_metric: there is no a.py"),
        *("line 6: memory stands twice", "metrics.f1_score: not a metric of a regressor"),
        *("metrics.f1_score.threshold: must be a number", "slices.0: must have exactly one of"),
        *("slices.1.query: may compare columns", "load.seconds", "memory.max_bytes", "colour"),
    ):
        assert place in told


def test_metric_that_nobody_knows_is_refused_with_the_nearest(tmp_path: Path) -> None:
    """It would otherwise be a bound that is never looked at."""
    told = mistakes(tmp_path, "{data: a.csv, label: b, metrics: {accuracy: {threshold: 1}}}")
    assert told == [
        (
            "metrics.accuracy: not a metric by MLflow's names, and without make_metric; "
            "did you mean accuracy_score?"
        )
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("metrics: {roc_auc: {}}", "metrics: need data"),
        ("slices: [{by: plan}]", "slices: need data"),
        ("data: rows.csv", "label: must be set where data is"),
        (
            "{data: of-run, task: regressor, metrics: {f1_score: {}}}",
            "metrics.f1_score: not a metric of a regressor",
        ),
        (
            "{data: of-run, metrics: {log_loss: {greater_is_better: true}}}",
            "metrics.log_loss: greater_is_better is false",
        ),
        (
            "{data: of-run, metrics: {own: {make_metric: 'own.py:gain'}}}",
            "metrics.own: needs greater_is_better\nmetrics.own: make_metric: there is no own.py",
        ),
        (
            "{data: of-run, metrics: {own: {make_metric: 'own.py:f', greater_is_better: true}}}",
            "metrics.own: make_metric: there is no own.py",
        ),
        (
            "{data: of-run, metrics: {own: {make_metric: 'own', greater_is_better: true}}}",
            "metrics.own: make_metric: own is not file.py:name or package.module:name",
        ),
        (
            "{data: of-run, metrics: {f1_score: {}, max_error: {}}}",
            (
                "metrics: are of a classifier (f1_score) and of a regressor (max_error): "
                "a version has one task"
            ),
        ),
        (
            "{data: of-run, slices: [{by: a, name: b}, {where: {c: 1}, name: b}]}",
            "slices: 2 are called b",
        ),
        ("answer: {labels: [a, b], positive: c}", "answer.positive: is not one of labels"),
        ("answer: {labels: [a, a]}", "answer.labels: names a class twice"),
        ("answer: {labels: [1, a]}", "answer.labels: must be all text or all numbers"),
        (
            "answer: {probabilities: [p, p], labels: [a, b, c]}",
            (
                "answer.probabilities: names a column twice\n"
                "answer.labels: must name a class for each of probabilities"
            ),
        ),
        (
            "answer: {probabilities: p, labels: [a, b, c]}",
            "answer.labels: must be two, for one column of probabilities",
        ),
        ("load: {rows: 100001}", "load.rows: Input should be less than or equal to 100000"),
        ("load: {rounds: 10001}", "load.rounds: Input should be less than or equal to 10000"),
        ("load: {at_once: 1001}", "load.at_once: Input should be less than or equal to 1000"),
    ],
)
def test_what_would_not_be_judged_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """A bound without what it needs is a mistake, not a pass."""
    assert mistakes(tmp_path, text) == told.splitlines()


@pytest.mark.parametrize("text", ["{", "- a", "text", "load: {seconds: 1}\nload: {rows: 2}"])
def test_what_is_not_a_mapping_of_keys_once_each_is_refused(tmp_path: Path, text: str) -> None:
    """YAML's own reader takes the last of two equal keys in silence."""
    assert len(mistakes(tmp_path, text)) == 1


def test_what_is_merged_by_yaml_may_be_said_anew(tmp_path: Path) -> None:
    """It is read as YAML has it."""
    text = """
data: of-run
slices:
- &first {where: {kind: a}, least_rows: 3}
- {<<: *first, where: {kind: b}}
"""
    slices = read(tmp_path, text).policy.slices
    assert [(each.label, each.least_rows) for each in slices] == [("kind=a", 3), ("kind=b", 3)]


def test_own_metric_may_not_have_the_name_of_one_of_mlflows(tmp_path: Path) -> None:
    """Nobody could tell which one a figure is of."""
    (tmp_path / "own.py").write_text("def f(predictions): return 1")
    own = "{make_metric: 'own.py:f', greater_is_better: true}"
    assert mistakes(tmp_path, f"{{data: of-run, metrics: {{f1_score: {own}}}}}") == [
        "metrics.f1_score: is a metric of MLflow's: give your own another name"
    ]


@pytest.mark.parametrize(
    ("metrics", "task"),
    [("{}", None), ("{roc_auc: {}}", "classifier"), ("{max_error: {}}", "regressor")],
)
def test_task_is_that_of_the_metrics_that_are_named(
    tmp_path: Path, metrics: str, task: str | None
) -> None:
    """Whole numbers might be either."""
    assert read(tmp_path, f"{{data: of-run, metrics: {metrics}}}").policy.task_asked == task
    asked = f"{{data: of-run, slices: [{{by: a, metrics: {metrics}}}]}}"
    assert read(tmp_path, asked).policy.task_asked == task


def test_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """It is not the same as no policy."""
    with pytest.raises(BadPolicy, match="No such file"):
        read_policy(tmp_path / "none.yaml")


def test_flag_overrides_its_place_alone_and_is_recorded(tmp_path: Path) -> None:
    """Its neighbours stay as the file has them; one that was not given says nothing."""
    found = read(tmp_path, "load: {seconds: 4, rows: 7}", load__seconds=2, data=None, label=None)
    assert (found.policy.load.seconds, found.policy.load.rows) == (2, 7)
    assert found.flags == {"load.seconds": 2}


def test_signature_of_an_address_is_neither_kept_nor_part_of_the_digest(tmp_path: Path) -> None:
    """It is another one each day; what else differs is another policy."""

    def of(address: str) -> PolicyInForce:
        return read(tmp_path, f"{{label: y, data: '{address}'}}")

    found = of("https://u:PW@h/x.csv?X-Amz-Signature=1")
    assert found.sha256 == of("https://v:PX@h/x.csv?X-Amz-Signature=2").sha256
    assert found.sha256 != of("https://h/y.csv").sha256
    assert found.policy.data == "https://u:PW@h/x.csv?X-Amz-Signature=1"
    assert json.loads(canonical(found.policy))["data"] == "https://h/x.csv"
    odd = {of(f"https://h/{each}@b.csv?sig=PW").sha256 for each in "ab"}
    assert len(odd) == 2
    flag = read(tmp_path, "label: y", data="https://u:PW@h/x.csv?sig=PW")
    assert flag.flags == {"data": "https://h/x.csv"}


def test_line_that_is_not_yaml_is_told_by_its_number(tmp_path: Path) -> None:
    """Not by what stands in it."""
    (told,) = mistakes(tmp_path, "label: y\ndata: 'https://u:PW@h/x.csv' ?sig=PW: [")
    assert "line 2" in told
    assert "PW" not in told


def test_digest_is_of_what_is_in_force(tmp_path: Path) -> None:
    """Comments, order and defaults that are written out change nothing; a flag does."""
    written = "{least_rows: 30, load: {rows: 7}}"
    plain = read(tmp_path, "load:\n  rows: 7  # few\n")
    assert re.fullmatch("[0-9a-f]{64}", plain.sha256)
    assert read(tmp_path, written).sha256 == plain.sha256
    assert read(tmp_path, written, load__rows=8).sha256 != plain.sha256
    assert json.loads(canonical(plain.policy))["load"]["rows"] == 7


def test_code_of_an_own_metric_is_a_part_of_the_policy(tmp_path: Path) -> None:
    """Who requires a policy by its digest requires its code too."""
    text = "{data: of-run, metrics: {own: {make_metric: 'own.py:f', greater_is_better: true}}}"
    own = tmp_path / "own.py"
    own.write_text("def f(predictions, targets): return 1")
    first = read(tmp_path, text)
    own.write_text("def f(predictions, targets): return 2")
    assert read(tmp_path, text).sha256 != first.sha256
    pinned = text.replace("'own.py:f'", f"'own.py:f', code: {'a' * 64}")
    assert mistakes(tmp_path, pinned) == ["metrics.own: code is of another file than own.py is now"]


@pytest.mark.parametrize(
    "query",
    [
        "`petal length (cm)` > 4.5",
        "age < 30",
        "20 <= age < 30 and kind in ['a', 'b']",
        "not (a == -1.5 or b != true)",
        "flag and not `b` and a in (-1, 2)",
    ],
)
def test_query_of_comparisons_is_taken(tmp_path: Path, query: str) -> None:
    """By pandas' own words."""
    told = {"data": "of-run", "slices": [{"query": query}]}
    assert read(tmp_path, json.dumps(told)).policy.slices[0].query


@pytest.mark.parametrize(
    "query",
    [
        *("@x > 1", "age", "1", "a.b > 1", "f(a) > 1", "a[0] > 1", "a > (lambda: 1)", ""),
        *("a > b''", "a == None", "a if b else c", "a > 1; b > 1", "a > f'{b}'", "(" * 500),
        *("a == '`b`'", "`a", "`a` `b`", "`a`.b > 1"),
        *("not 1", "a == 1 and 'b'", "a == 1 or -b", "not [a]", "1 == 1", "a == (b == 1)"),
        *("a in []", "a in [b]", "-(a == 1)", "not a and 0 in [0]"),
    ],
)
def test_query_that_could_do_anything_else_is_refused(tmp_path: Path, query: str) -> None:
    """pandas' `query` reaches attributes, methods and the program's variables."""
    assert mistakes(tmp_path, json.dumps({"slices": [{"query": query}]}))
