"""The order of a validation's tags, and what keeps them."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from service.registry.writer.writer import RegisteredVersion
from service.status_tag import BadStatus, StatusTag
from service.validation.findings import Verdict
from service.validation.verdict_tags import Overtaken, VerdictTags
from service.validation_tag import VALIDATION_TAG, Validation

STATUS = StatusTag()
VALIDATION = Validation("run", "policy", "digest", "iris", "3", "passed")
STRICT = replace(VALIDATION, run="another", policy="strict", verdict="failed")


class Written:
    """A registry that notes what is written to it."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str]] = []

    def tag(self, name: str, version: str, key: str, value: str) -> None:
        """Of that one version alone."""
        assert (name, version) == ("iris", "3")
        self.written.append((key, value))

    def tags(self, name: str, version: str) -> Mapping[str, str]:
        """As they are after all of it."""
        assert (name, version) == ("iris", "3")
        return dict(self.written)


def version(**tags: str) -> RegisteredVersion:
    """Version 3, with these tags."""
    return RegisteredVersion("iris", 1, "3", "models:/m-1", ready=True, tags=tags)


@pytest.mark.parametrize("verdict", ["passed", "failed"])
def test_verdict_is_written_last(verdict: Verdict) -> None:
    """So that whoever reads it finds of which files, and by which policy."""
    written = Written()
    tags = VerdictTags(written, version(), ())
    tags.begin()
    assert written.written == [("validation_status", "pending")]
    tags.finish(verdict, VALIDATION)
    assert written.written[1:] == [
        (VALIDATION_TAG, VALIDATION.text()),
        ("validation_status", verdict),
    ]


def test_undecided_version_stays_pending() -> None:
    """Nothing more is known of it."""
    written = Written()
    tags = VerdictTags(written, version(), ())
    tags.begin()
    tags.finish("undecided", VALIDATION)
    assert written.written == [("validation_status", "pending")]


def test_validation_that_was_overtaken_leaves_the_status_to_the_other() -> None:
    """`passed` beside the run and the policy of one that has failed would let it in."""

    class Another(Written):
        """Writes its own right after ours."""

        def tag(self, name: str, version: str, key: str, value: str) -> None:
            super().tag(name, version, key, value)
            if value == VALIDATION.text():
                super().tag(name, version, key, STRICT.text())
                super().tag(name, version, STATUS.key, STATUS.failed)

    written = Another()
    tags = VerdictTags(written, version(), ())
    tags.begin()
    with pytest.raises(Overtaken, match=VALIDATION.run):
        tags.finish("passed", VALIDATION)
    assert written.tags("iris", "3") == {
        STATUS.key: STATUS.failed,
        VALIDATION_TAG: STRICT.text(),
    }


@pytest.mark.parametrize("verdict", ["failed", "undecided"])
def test_what_serves_keeps_that_it_has_passed(verdict: Verdict) -> None:
    """From the begin to the end, whatever ends it between."""
    written = Written()
    tags = VerdictTags(written, version(validation_status="passed"), ("champion",))
    tags.begin()
    tags.finish(verdict, VALIDATION)
    assert written.written == []
    assert tags.keeps


def test_what_serves_and_passes_again_says_by_what() -> None:
    """The newest run, without having been anything but passed."""
    written = Written()
    tags = VerdictTags(written, version(validation_status="passed"), ("champion",))
    tags.begin()
    tags.finish("passed", VALIDATION)
    assert [key for key, _ in written.written] == [VALIDATION_TAG, "validation_status"]


@pytest.mark.parametrize(
    ("status", "aliases", "demote"),
    [("passed", (), False), ("failed", ("champion",), False), ("passed", ("champion",), True)],
)
def test_anything_else_is_pending_meanwhile(
    status: str, aliases: tuple[str, ...], *, demote: bool
) -> None:
    """What nobody serves, what has not passed, and what may be demoted."""
    written = Written()
    tags = VerdictTags(written, version(validation_status=status), aliases, demote=demote)
    tags.begin()
    tags.finish("failed", None)
    assert written.written == [("validation_status", "pending"), ("validation_status", "failed")]


def test_status_has_any_key_and_values() -> None:
    """As an organisation is used to."""
    status = StatusTag.of("review", "open, good ,bad")
    assert status == StatusTag("review", "open", "good", "bad")
    written = Written()
    tags = VerdictTags(written, version(), (), status)
    tags.begin()
    tags.finish("passed", None)
    assert written.written == [("review", "open"), ("review", "good")]


@pytest.mark.parametrize("values", ["", "a,b", "a,b,b", "a,,c", "a,b,c,d"])
def test_status_that_says_nothing_is_refused(values: str) -> None:
    """A verdict must be told from another."""
    with pytest.raises(BadStatus):
        StatusTag.of("validation_status", values)
