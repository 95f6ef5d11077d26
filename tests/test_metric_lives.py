"""Series come with slots and versions, and end a while after these have left."""

import pytest

from service.following.slot import Slot
from service.following.slot_status import Failure, Standing
from service.following.slots import Slots
from service.patterns import RefPattern
from service.predicting.request import RequestRecord
from service.refs import ModelRef, VersionId
from service.telemetry.metrics.lives import KEPT_SECONDS
from tests.support.watched import Watched as Service

IRIS, WINE = ModelRef("iris", "champion"), ModelRef("wine", "champion")
CHALLENGER = ModelRef("iris", "challenger")
FAILURE = Failure("load", "load_failed", "The model could not be loaded.", 0.0)
BY_VERSION = ("podium_request_seconds", "podium_batch_rows", "podium_predict_seconds")


@pytest.mark.parametrize("name", BY_VERSION)
def test_series_of_a_version_begin_at_zero_with_its_swap(name: str) -> None:
    """A rate sees the first request."""
    service = Service(IRIS)
    service.metrics.serves(IRIS, VersionId("iris", 1, "1"))
    assert service.count(name, IRIS, "1") == 0


@pytest.mark.parametrize("name", BY_VERSION)
def test_p8_series_of_a_version_end_a_while_after_its_slot_has_left_it(name: str) -> None:
    """Until then a slow scraper gets the last of it."""
    service = Service(IRIS)
    service.serve(IRIS, "1")
    service.serve(IRIS, "2")
    service.pass_by(1)
    service.pass_by(KEPT_SECONDS - 1)
    assert service.count(name, IRIS, "1") == 1
    service.pass_by(1)
    assert service.count(name, IRIS, "1") is None
    assert service.count(name, IRIS, "2") == 1
    assert service.shown('version="1"') == []


@pytest.mark.parametrize("name", BY_VERSION)
def test_version_that_comes_back_counts_on(name: str) -> None:
    """Before its series have ended, and after it: then from zero, and shown."""
    service = Service(IRIS)
    service.serve(IRIS, "1")
    service.serve(IRIS, "2")
    service.pass_by(KEPT_SECONDS - 1)
    service.serve(IRIS, "1")
    service.pass_by(KEPT_SECONDS * 2)
    assert service.count(name, IRIS, "1") == 2
    service.serve(IRIS, "2")
    service.pass_by(1)
    service.pass_by(KEPT_SECONDS)
    service.serve(IRIS, "1")
    assert service.count(name, IRIS, "1") == 1


def test_version_that_another_slot_serves_on_ends_for_the_one_that_left_it_alone() -> None:
    """Slots of one model share versions, and hosts."""
    service = Service(IRIS, CHALLENGER)
    for ref in (IRIS, CHALLENGER):
        service.serve(ref, "1")
    service.serve(IRIS, "2")
    service.pass_by(1)
    service.pass_by(KEPT_SECONDS)
    assert service.count("podium_batch_rows", CHALLENGER, "1") == 1
    assert service.count("podium_batch_rows", IRIS, "1") is None
    service.serve(IRIS, "1")
    assert service.count("podium_batch_rows", IRIS, "1") == 1


def test_p8_alias_that_never_rests_leaves_few_series_behind() -> None:
    """Whatever a registry does, within the time that series are kept."""
    service = Service(IRIS)
    for number in range(100):
        service.serve(IRIS, str(number))
        service.pass_by(1)
    shown = service.shown("podium_batch_rows_count")
    assert {int(line.split('version="')[1].split('"')[0]) for line in shown} == set(range(94, 100))


def test_p8_answer_of_a_version_that_has_ended_leaves_no_series_for_ever() -> None:
    """A request may take longer than series are kept."""
    service = Service(IRIS)
    service.serve(IRIS, "1")
    service.serve(IRIS, "2")
    service.pass_by(1)
    service.pass_by(KEPT_SECONDS)
    service.answer(IRIS, "1")
    service.pass_by(1)
    assert service.count("podium_request_seconds", IRIS, "1") == 1
    service.pass_by(KEPT_SECONDS)
    assert service.shown('version="1"') == []


def test_slot_that_comes_is_shown_from_zero() -> None:
    """Its swaps, its state and its hosts' restarts."""
    service = Service(IRIS)
    service.slots._slots[str(WINE)] = Slot(WINE, service.slots)
    service.pass_by(1)
    assert len(service.shown("podium_swaps_total", 'model="wine"', "} 0.0")) == 2
    assert service.shown("podium_slot_state", 'model="wine"', 'state="empty"', "} 1.0")
    assert service.shown("podium_host_restarts_total", 'model="wine"', "} 0.0")


def test_slot_that_goes_takes_all_its_series_with_it() -> None:
    """What it is at once, what was counted a while later; nothing of another's."""
    service = Service(IRIS, CHALLENGER, WINE)
    for ref in (IRIS, CHALLENGER, WINE):
        service.serve(ref, "1")
        service.metrics.following.refused(ref, VersionId(ref.name, 1, "2"), FAILURE)
        error = RequestRecord(str(ref), "predict", None, 503, 0.1, 0, "", "no_servable")
        service.metrics.http.answered(error)
    others = service.shown('model="iris"')
    del service.slots._slots[str(WINE)]
    service.pass_by(1)
    assert service.shown("podium_slot", "wine") == []
    assert service.shown("podium_requests_total", "wine")
    service.pass_by(KEPT_SECONDS)
    assert service.shown("wine") == []
    assert len(service.shown('model="iris"')) == len(others)
    del service.slots._slots[str(CHALLENGER)]
    service.pass_by(1)
    service.pass_by(KEPT_SECONDS)
    assert service.shown("challenger") == []
    assert service.shown("podium_host_restarts_total", 'model="iris"')


def test_slot_that_comes_back_counts_on() -> None:
    """In time; later from zero."""
    service = Service(IRIS, WINE)
    service.serve(WINE, "1")
    slot = service.slots._slots.pop(str(WINE))
    service.pass_by(1)
    service.slots._slots[str(WINE)] = slot
    service.pass_by(KEPT_SECONDS)
    swapped = ("podium_swaps_total", 'outcome="swapped"', 'model="wine"')
    assert service.shown(*swapped, "} 1.0")
    del service.slots._slots[str(WINE)]
    service.pass_by(1)
    service.pass_by(KEPT_SECONDS)
    service.slots._slots[str(WINE)] = slot
    service.pass_by(1)
    assert service.shown(*swapped, "} 0.0")


def test_p15_scrape_sees_the_slots_of_one_moment() -> None:
    """It is made in a thread: which slots there are is replaced, never edited."""
    slots = Slots([IRIS], [RefPattern.parse("*@champion")])
    seen = iter(slots.values())
    slots.add([WINE], Standing.FIRST)
    assert [slot.ref for slot in seen] == [IRIS]
    assert [slot.ref for slot in slots.values()] == [IRIS, WINE]


def test_no_slot_at_all_is_no_reason_to_fail() -> None:
    """As where patterns have found nothing yet."""
    service = Service()
    assert service.shown("podium_registry_look_age_seconds")
    assert service.shown("podium_slot_state") == []
