"""What the next start knows of the models that this one served, before it imports anything."""

from dataclasses import replace
from pathlib import Path

import pytest

from service.following.history import ServedBefore
from service.refs import ModelRef
from service.registry.front.served_formats import may_be_skops, record_of
from tests.registry.test_last_known_good import REF, Home, fetched

OTHER = ModelRef("other", "champion")


def serve(home: Home, *served: tuple[ModelRef, str | None]) -> None:
    """A service whose slots serve versions that are saved so, and which ends then."""
    for ref, saved in served:
        home.history.note(ref, ServedBefore(replace(fetched(), serialization_format=saved), 1000.0))
    home.history.close()


@pytest.mark.parametrize(
    ("saved", "expected"), [("skops", True), ("cloudpickle", False), (None, False)]
)
def test_format_of_what_was_served_is_known(
    tmp_path: Path,
    saved: str | None,
    expected: bool,  # noqa: FBT001 - the table's word
) -> None:
    """As MLmodel had it."""
    serve(Home(tmp_path), (REF, saved))
    assert may_be_skops(tmp_path, [REF]) is expected


def test_one_slot_is_enough(tmp_path: Path) -> None:
    """Whichever it is."""
    serve(Home(tmp_path), (REF, "cloudpickle"), (OTHER, "skops"))
    assert may_be_skops(tmp_path, [REF, OTHER])


def test_slot_that_has_served_nothing_may_need_skops(tmp_path: Path) -> None:
    """MLflow's own choice for scikit-learn."""
    serve(Home(tmp_path), (REF, "cloudpickle"))
    assert may_be_skops(tmp_path, [REF, OTHER])


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"described": null}', b'{"described": {}}', b"[" * 100_000]
)
def test_file_that_does_not_say_is_of_a_slot_that_may_need_skops(
    tmp_path: Path, content: bytes
) -> None:
    """Torn, or written before the format was."""
    record_of(tmp_path, REF).write_bytes(content)
    assert may_be_skops(tmp_path, [REF])
