"""What people do by MLflow alone: understood, and told."""

from pathlib import Path

import pytest

from service.cli.options import VersionArgument
from service.config.addresses import MlflowAddresses
from service.promotion.judged_source import judged_by
from service.promotion.stopped import MoveStopped
from service.promotion.validated import claimed
from service.refs import BadRef, ModelRef
from service.registry.writer.writer import RegisteredVersion, Writer
from service.validation_tag import VALIDATION_TAG, Validation
from tests.copying.conftest import Copies, registered


def as_registered(copies: Copies, name: str) -> RegisteredVersion:
    """Version 1 of that model."""
    writer = Writer(MlflowAddresses(copies.uri, copies.uri))
    return writer.version_of(VersionArgument(name, version="1"))


def validated(copies: Copies, name: str) -> None:
    """Version 1 of that model has the tags of a validation."""
    told = Validation("r", "p", "d" * 64, name, "1", "passed")
    for key, value in ((VALIDATION_TAG, told.text()), ("validation_status", "passed")):
        copies.there.set_model_version_tag(name, "1", key, value)


def test_version_that_was_promoted_on_mlflows_page_was_validated_elsewhere(
    copies: Copies, saved: Path
) -> None:
    """The button makes a link, and all tags come along; that of Podium names the source."""
    registered(copies.uri, "staging.pressed", saved)
    validated(copies, "staging.pressed")
    copies.there.copy_model_version("models:/staging.pressed/1", "prod.pressed")
    pressed = as_registered(copies, "prod.pressed")
    assert pressed.tags["validation_status"] == "passed"
    with pytest.raises(MoveStopped, match="its tags were copied along") as stopped:
        claimed(pressed)
    assert stopped.value.code == "validated_elsewhere"


def test_link_that_the_page_has_made_of_a_copy_is_not_taken_for_a_copy(
    copies: Copies, saved: Path
) -> None:
    """Although it has all tags of one, and for now the same files."""
    registered(copies.uri, "dev.page", saved)
    copies.copy("dev.page", "staging.page")
    copies.there.copy_model_version("models:/staging.page/1", "prod.page")
    (link,) = copies.versions("prod.page")
    assert link.tags["podium.source"] == "models:/dev.page/1"
    copied = copies.copy("dev.page", "prod.page")
    assert (copied.outcome, copied.version) == ("copied", "2")


def test_p24_promotion_asks_what_a_copy_was_validated_as(copies: Copies, saved: Path) -> None:
    """As a service with PODIUM_VALIDATED_AS does: the source's tags, not the copy's own."""
    registered(copies.uri, "staging.asked", saved)
    registered(copies.uri, "other.asked", saved)
    copies.copy("staging.asked", "prod.asked", linked=True)
    copies.copy("other.asked", "prod.other", linked=True)
    writer = Writer(MlflowAddresses(copies.uri, copies.uri))
    copy, other = as_registered(copies, "prod.asked"), as_registered(copies, "prod.other")
    with pytest.raises(MoveStopped, match=r"staging.asked 1 is not validated"):
        claimed(judged_by(writer, copy, "staging."))
    validated(copies, "staging.asked")
    assert claimed(judged_by(writer, copy, "staging.")).name == "staging.asked"
    assert judged_by(writer, copy, "") is copy
    for version, code in (
        (other, "validated_elsewhere"),
        (as_registered(copies, "staging.asked"), "not_validated"),
    ):
        with pytest.raises(MoveStopped) as stopped:
            judged_by(writer, version, "staging.")
        assert stopped.value.code == code


def test_stage_is_no_reference() -> None:
    """It would name another version tomorrow, and nobody would know which it named."""
    with pytest.raises(BadRef, match="neither a stage nor a number is followed"):
        ModelRef.parse("models:/iris/Production")
