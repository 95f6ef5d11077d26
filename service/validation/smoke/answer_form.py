"""Whether two versions answer in one form: to clients that read the one, the other is the same."""

from typing import Any

from service.validation.findings import Judgement


def compared(own: Any, others: Any, number: str) -> Judgement:
    """Of answers to the same request; `number` is the other version's.

    What the texts say is not compared: a few rows cannot tell whether it is of other classes, or
    better. Classes are judged by data (`service.validation.quality.classes`).
    """
    mine, theirs = form_of(own), form_of(others)
    if mine != theirs:
        sentence = f"It answers {mine}, and version {number} {theirs}."
        return Judgement("smoke.answer_form", "failed", sentence, "smoke")
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
