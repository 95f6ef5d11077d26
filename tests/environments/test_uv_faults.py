"""What is kept of uv's own words, however many they are."""

from service.environments.uv_faults import UNDATED, fault_of

_WARNING = (
    "warning: `numpy-{}-py3-none-any.whl` is missing an upload date, but user provided: 2026\n"
)
_CAUSE = "error: No solution found when resolving dependencies\n  cause: Because {}.\n"


def test_files_without_dates_are_told_once() -> None:
    """An index that tells none has many files, and whoever reads looks for the cause."""
    said = "".join(_WARNING.format(n) for n in range(100)) + _CAUSE.format("you want both")
    detail = fault_of(said).detail
    assert detail == _WARNING.format(0) + _CAUSE.format("you want both")


def test_missing_dates_are_not_lost_before_a_long_cause() -> None:
    """Else nobody would ask once more without a day."""
    said = _WARNING.format(0) + _CAUSE.format("it depends and " * 1000)
    detail = fault_of(said).detail
    assert UNDATED.search(detail)
    assert detail.endswith("it depends and .\n")
