"""Whether two versions answer in one form: to clients that read the one, the other is the same."""

from collections.abc import Iterator
from typing import Any

from service.validation.findings import Judgement
from service.validation.policy.quality_bounds import ClassBounds


def compared(own: Any, others: Any, number: str, bounds: ClassBounds) -> Judgement:
    """Of answers to the same request; `number` is the other version's.

    Texts are taken for classes: two versions that have none in common have other ones.
    """
    mine, theirs = form_of(own), form_of(others)
    if mine != theirs:
        sentence = f"It answers {mine}, and version {number} {theirs}."
        return Judgement("smoke.answer_form", "failed", sentence, "smoke")
    classes, before = set(_texts(own)), set(_texts(others))
    if classes and before and classes.isdisjoint(before):
        sentence = f"It answers with other classes than version {number}: not one is the same."
        return Judgement("smoke.answer_form", bounds.new, sentence, "smoke")
    sentence = f"It answers {mine}, as version {number} does."
    return Judgement("smoke.answer_form", "passed", sentence, "smoke")


def form_of(value: Any) -> str:
    """What a value is, for people; a null in a list may be anything."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "numbers"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        forms = sorted({form_of(each) for each in value if each is not None})
        return f"a list of {' and '.join(forms)}" if forms else "a list"
    if isinstance(value, dict):
        return f"objects of {', '.join(sorted(map(_entry, value.items())))}"
    return "null"


def _entry(entry: tuple[str, Any]) -> str:
    return f"{entry[0]} ({form_of(entry[1])})"


def _texts(value: Any) -> Iterator[str]:
    """Calls itself for each level, of which there are few."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
