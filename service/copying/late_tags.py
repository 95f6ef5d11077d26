"""Tags of the source come to a copy that was there before they were asked for."""

from collections.abc import Mapping, Sequence

from service.copying.made import Made
from service.copying.target_model import TargetModel


def tagged_late(
    model: TargetModel, number: str, wanted: Mapping[str, str], made: Made
) -> Sequence[str]:
    """The version has those that it had no value of; what was set and what was left, as sentences.

    A value that is there stays: somebody may have set it since. Raises `WriteRefused` and
    `Unreachable`.
    """
    if not wanted:
        return ()
    there = model.tags_of(number)
    return [
        note
        for key, value in wanted.items()
        if (note := _tagged(model, number, (key, value), there.get(key), made))
    ]


def _tagged(
    model: TargetModel, number: str, tag: tuple[str, str], there: str | None, made: Made
) -> str:
    key, value = tag
    if there == value:
        return ""
    if there is not None:
        return f"version {number} has another value of the tag {key} than the source: left as it is"
    with made.writing(f"the tag {key} of version {number}"):
        model.tag(number, key, value)
    return f"version {number} was without the tag {key} of the source, and has it now"
