"""What `podium validate` finds without data, by real models in real hosts; and what it passes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pandas as pd
import pytest
import pytest_asyncio

from service.validation.findings import verdict_of
from service.validation.quality.evaluation_data import EvaluationData
from tests.support import models
from tests.support.tracking import copy_database
from tests.validation.answered import data_of
from tests.validation.trials import Trials, failed, sentences, trials

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:.*An input example was not provided:UserWarning"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the models lie."""
    return tmp_path_factory.mktemp("trials")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def on_trial(migrated_database: Path, folder: Path) -> AsyncIterator[Trials]:
    """Versions of one model; version 1 is a good one."""
    database = copy_database(migrated_database, folder)
    async with trials(folder, database, "faulty") as made:
        made.registry.add(faulty(folder, "none"), "champion")
        yield made


def faulty(folder: Path, fault: str) -> Path:
    """A model of that fault."""
    place = folder / fault.replace(" ", "-")
    return models.save(place, "faulty", config={"fault": fault})


async def test_good_version_passes(on_trial: Trials, folder: Path) -> None:
    """Everything was looked at, and nothing speaks against it, not even beside itself."""
    found = await on_trial.judged(folder / "none" / "faulty", "1")
    assert failed(found) == {}
    names = {each.name for each in found.judgements}
    assert {"smoke.formats", "smoke.rows_apart", "load.many_rows", "load.memory"} <= names
    assert {"load.slower.one_row", "stage.artifact", "smoke.answer_form"} <= names
    formats = next(each for each in found.judgements if each.name == "smoke.formats").sentence
    assert all(each in formats for each in ("dataframe_records", "instances", "csv", "parquet"))
    figures = {name: value for each in found.judgements for name, value in each.figures.items()}
    assert figures["load.one_row.p50_ms"] <= figures["load.one_row.p99_ms"]
    assert figures["load.many_rows.rows_per_second"] > 0
    assert found.fetched is not None
    assert len(found.fetched.digest) == 64


async def test_model_that_raises_on_two_rows_is_found(on_trial: Trials, folder: Path) -> None:
    """By its own sentence, in which no row is."""
    found = failed(await on_trial.judged(faulty(folder, "raises_on_two")))
    assert found["smoke.two_rows"] == (
        "A request of 2 rows is not answered: The model raised an exception on this input."
    )


async def test_row_dependent_model_that_says_otherwise_is_found(
    on_trial: Trials, folder: Path
) -> None:
    """It is tagged `podium.batching=rows`, and answers a row by its neighbours."""
    place = models.save(folder / "centring", "centring")
    found = failed(await on_trial.judged(place, tags={"podium.batching": "rows"}))
    assert set(found) == {"smoke.batching", "smoke.rows_apart"}
    assert "depends on the rows that stand beside it" in found["smoke.batching"]


async def test_row_dependent_model_is_none_the_worse_for_it(on_trial: Trials, folder: Path) -> None:
    """Where nobody says otherwise its requests are never joined."""
    assert failed(await on_trial.judged(folder / "centring" / "centring")) == {}


async def test_three_times_slower_model_is_found(on_trial: Trials, folder: Path) -> None:
    """Beside another one, by turns, in each kind of request; both sleep far longer than a turn."""
    quick = on_trial.registry.add(faulty(folder, "sleeps 0.06"))
    found = failed(await on_trial.judged(faulty(folder, "sleeps 0.18"), quick))
    assert set(found) == {"load.slower.one_row", "load.slower.many_rows"}
    assert all("1.5 times are allowed" in each for each in found.values())


async def test_less_accurate_model_is_found_also_on_one_slice_alone(
    on_trial: Trials, folder: Path
) -> None:
    """Of 200 rows it has ten wrong, or two that are both in one slice of thirty."""
    before = on_trial.registry.add(faulty(folder, "parts at 100"))
    rows = range(200)
    frame = pd.DataFrame(
        {"x": [float(x) for x in rows], "label": ["high" if x >= 100 else "low" for x in rows]}
    )
    asked = {
        "data": "rows.parquet",
        "label": "label",
        "metrics": {"accuracy_score": {"min_absolute_change": -0.02}},
        "slices": [{"name": "middle", "query": "x >= 80 and x < 110"}],
    }
    data, in_slice = data_of(folder, frame), "quality.middle.accuracy_score"
    ten_wrong = await on_trial.by(asked, faulty(folder, "parts at 90"), before, data=data)
    assert set(failed(ten_wrong)) == {"quality.accuracy_score", in_slice}
    two_wrong = await on_trial.by(asked, faulty(folder, "parts at 98"), before, data=data)
    assert set(failed(two_wrong)) == {in_slice}


async def test_signature_that_breaks_clients_is_found(on_trial: Trials, folder: Path) -> None:
    """By the same gate, with the same sentences, before any host is started."""
    place = models.save(folder / "wide", "echo", models.doubles("x", "y"), example=None)
    found = failed(await on_trial.judged(place, "1"))
    assert set(found) == {"stage.gate"}
    assert "y" in found["stage.gate"]


async def test_other_form_of_answers_is_found(on_trial: Trials, folder: Path) -> None:
    """Clients that read numbers get text."""
    found = failed(await on_trial.judged(faulty(folder, "labels setosa"), "1"))
    assert set(found) == {"smoke.answer_form"}


async def test_other_classes_are_found_by_data_and_not_by_an_example(
    on_trial: Trials, folder: Path
) -> None:
    """A better version answers a row or two otherwise, and free text is another each time."""
    before = on_trial.registry.add(faulty(folder, "labels versicolor"))
    place, rows = faulty(folder, "labels virginica"), range(40)
    frame = pd.DataFrame({"x": [float(row) for row in rows], "label": ["versicolor" for _ in rows]})
    asked = {"data": "rows.parquet", "label": "label", "metrics": {}}
    found = await on_trial.by(asked, place, before, data=data_of(folder, frame))
    assert sentences(found)["smoke.answer_form"].endswith(f"as version {before} does.")
    assert set(failed(found)) == {"quality.classes_new", "quality.classes_never"}


async def test_version_beside_one_that_cannot_be_loaded_is_judged_alone(
    on_trial: Trials, folder: Path
) -> None:
    """What is broken can be replaced; `when_first` says what that is worth."""
    before = on_trial.registry.add(models.save(folder / "unloadable", "unloadable"))
    found = await on_trial.judged(folder / "none" / "faulty", before)
    assert failed(found) == {}
    assert "cannot be compared with" in sentences(found)["stage.against"]
    assert "load.one_row" in sentences(found)
    strict = {"when_first": "undecided"}
    told = failed(await on_trial.by(strict, folder / "unloadable" / "unloadable", before))
    assert set(told) == {"stage.against", "stage.load"}


async def test_alias_that_is_on_no_version_is_as_the_policy_says(
    on_trial: Trials, folder: Path
) -> None:
    """A typing error would else pass by every bound that compares."""
    place = folder / "unloadable" / "unloadable"
    found = await on_trial.by({"when_first": "undecided"}, place, "champoin")
    assert set(failed(found)) == {"stage.against", "stage.load"}
    assert "is on no version yet" in failed(found)["stage.against"]


def rows(folder: Path) -> EvaluationData:
    """Forty of them, which the model doubles."""
    frame = pd.DataFrame({"x": [float(row) for row in range(40)]})
    return data_of(folder, frame.assign(label=2 * frame["x"]))


async def test_process_that_dies_once_on_the_data_is_found(on_trial: Trials, folder: Path) -> None:
    """Although the second try has an answer, as a client would have one."""
    place = faulty(folder, f"dies once {folder / 'died'}")
    asked = {"data": "rows.parquet", "label": "label", "metrics": {}}
    found = await on_trial.by(asked, place, data=rows(folder))
    assert failed(found) == {
        "quality.processes": "1 of its processes has ended meanwhile, "
        "and requests were tried a second time."
    }


async def test_rows_that_end_the_process_each_time_fail_the_version(
    on_trial: Trials, folder: Path
) -> None:
    """Not undecided, although nobody is left to answer the rest."""
    asked = {"data": "rows.parquet", "label": "label", "metrics": {}}
    found = await on_trial.by(asked, faulty(folder, "dies on 11"), data=rows(folder))
    assert {"quality.processes", "quality.rows_failing"} <= set(failed(found))
    assert verdict_of(found.judgements) == "failed"


async def test_leak_is_found(on_trial: Trials, folder: Path) -> None:
    """Ten megabytes a prediction, long before they are the machine's last."""
    found = failed(await on_trial.judged(faulty(folder, "leaks")))
    assert set(found) == {"load.memory"}
    assert "leaks memory" in found["load.memory"]


async def test_model_that_writes_to_its_files_is_found(on_trial: Trials, folder: Path) -> None:
    """A new file; hosts of the service would have copies of small ones."""
    found = failed(await on_trial.judged(faulty(folder, "writes")))
    assert set(found) == {"stage.artifact"}
    assert found["stage.artifact"].endswith("(new files: written.txt)")


async def test_model_that_alters_its_files_is_found_unless_it_may(
    on_trial: Trials, folder: Path
) -> None:
    """Already by its warm-up: the service would load it a second time, from copies."""
    place = faulty(folder, "alters")
    assert set(failed(await on_trial.judged(place))) == {"stage.artifact"}
    assert failed(await on_trial.judged(place, may_write=True)) == {}
