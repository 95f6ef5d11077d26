"""What a move from one signature to another means for clients that worked before it.

The measure is the contract itself: a change breaks clients if a request that sends what the old
signature asks for was taken before and is refused after, or is taken to mean something else.
Requests are thought of that hold nothing the old signature does not know: a client that had sent a
column in vain may find that a later signature knows it.

==================== ========== ====================================================================
code                 severity   of the inputs
==================== ========== ====================================================================
signature_added      breaks     there was no signature, and anything was taken
signature_removed    compatible there is none any more, and anything is taken
type_hint_changed    breaks     a plain list became rows, or rows a plain list
kind_changed         breaks     columns became tensors, or tensors columns
naming_changed       breaks     names came or went, or one is an integer now and was text
count_changed        breaks     other than as many columns without names: which, nothing tells
input_added          breaks     a required column or tensor
optional_added       compatible an optional column
input_removed        compatible a column or tensor, which is ignored from now on
none_in_common       breaks     all columns that requests surely had are gone, and others optional
plain_list_lost      breaks     the only column is one of several now: no plain list stands for it
plain_list_gained    breaks     of columns named by integers one is left: rows would be its values
layout_changed       breaks     lists under `inputs` are values now and were columns, or reverse
made_required        breaks     a column or property
made_optional        compatible the same
type_narrowed        breaks     a type that holds fewer values: long for double, double for long
type_changed         breaks     a type of another kind, or one that reads the same text otherwise
type_widened         compatible a type that holds all values of the other: double for integer
property_added       breaks     a required property
optional_property    compatible an optional property
property_removed     breaks     a property: objects that still have it are refused
shape_narrowed       breaks     a length that was any, another length, another number of dimensions
shape_tables_lost    breaks     a length that is any, so that table columns no longer fit a tensor
shape_widened        compatible a length that is any now
param_added          compatible every param has a default
param_removed        compatible ignored from now on
param_shape_changed  breaks     one value became a list, or a list one value
default_changed      compatible clients that do not send the param get another
==================== ========== ====================================================================

Params have the codes of types too. What differs in the outputs is `output_added`, `output_removed`
and `output_changed`; it breaks nobody here, because output schemas are not to be trusted: MLflow
infers them from `predict` even where a model serves `predict_proba`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from service.contract.comparison.differences import (
    Finding,
    SchemaPath,
    Severity,
    breaking,
    compatible,
    is_required,
    table_differences,
    tensor_differences,
    type_differences,
    type_text,
)

SchemaEntry = Mapping[str, Any]
Entries = Sequence[SchemaEntry]

_ORDER: Final = list(Severity)
_INPUTS: Final[SchemaPath] = ("inputs",)


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Everything that differs between two descriptions (`Contract.describe`), the worst first.

    Both must be of contracts that were compiled.
    """
    findings = [
        *_described(old, new),
        *_params(old.get("params") or (), new.get("params") or ()),
        *_outputs(old.get("outputs") or (), new.get("outputs") or ()),
    ]
    return tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.severity)))


def _described(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Finding]:
    before, after = old.get("inputs"), new.get("inputs")
    if not before or not after:
        if after:
            yield breaking("signature_added", _INPUTS, "the inputs have a signature and had none")
        elif before:
            yield compatible("signature_removed", _INPUTS, "the inputs have no signature any more")
    elif _is_hinted(old) != _is_hinted(new):
        formats = ("a plain list", "rows") if _is_hinted(new) else ("rows", "a plain list")
        sentence = "the inputs are {} and were {}, by the model's type hint".format(*formats)
        yield breaking("type_hint_changed", _INPUTS, sentence)
    elif _is_hinted(old):
        yield from _input(before[0], after[0], (*_INPUTS, 0))
    else:
        yield from _inputs(before, after)


def _inputs(old: Entries, new: Entries) -> Iterator[Finding]:
    if _are_tensors(old) != _are_tensors(new):
        kinds = ("columns", "tensors") if _are_tensors(old) else ("tensors", "columns")
        yield breaking("kind_changed", _INPUTS, "the inputs are {} and were {}".format(*kinds))
    elif _are_named(old) != _are_named(new):
        has, had = ("no names", "some") if _are_named(old) else ("names", "none")
        yield breaking("naming_changed", _INPUTS, f"the inputs have {has} and had {had}")
    elif _are_named(old):
        yield from _named(old, new)
    else:
        yield from _unnamed(old, new)


def _unnamed(old: Entries, new: Entries) -> Iterator[Finding]:
    if len(old) != len(new):
        sentence = f"there are {len(new)} columns without names and were {len(old)}"
        yield breaking("count_changed", ("inputs",), sentence)
        return
    if not _are_tensors(old):
        yield from table_differences(dict(enumerate(old)), dict(enumerate(new)))
    for position, (before, after) in enumerate(zip(old, new, strict=True)):
        yield from _input(before, after, ("inputs", position))


def _named(old: Entries, new: Entries) -> Iterator[Finding]:
    before, after = _by_name(old), _by_name(new)
    if not _are_tensors(old):
        yield from table_differences(before, after)
    for name, entry in after.items():
        place = ("inputs", entry["name"])
        if name in before:
            yield from _input(before[name], entry, place)
        elif is_required(entry):
            sentence = f"{_subject(place, entry)} is required and was not there before"
            yield breaking("input_added", place, sentence)
        else:
            sentence = f"{_subject(place, entry)} is new and optional"
            yield compatible("optional_added", place, sentence)
    for name, entry in before.items():
        if name not in after:
            place = ("inputs", entry["name"])
            sentence = f"{_subject(place, entry)} is gone, and ignored where it is sent"
            yield compatible("input_removed", place, sentence)


def _input(old: SchemaEntry, new: SchemaEntry, place: tuple[str | int, ...]) -> Iterator[Finding]:
    subject = _subject(place, new)
    if old.get("name") is not None and type(old["name"]) is not type(new["name"]):
        words = ("an integer", "text") if type(new["name"]) is int else ("text", "an integer")
        sentence = "{} is named by {} and was by {}".format(subject, *words)
        yield breaking("naming_changed", place, sentence)
    if _are_tensors([old]):
        yield from tensor_differences(old["tensor-spec"], new["tensor-spec"], subject, place)
    else:
        yield from type_differences(old, new, subject, place)


def _params(old: Entries, new: Entries) -> Iterator[Finding]:
    before, after = _by_name(old), _by_name(new)
    for name, entry in after.items():
        place, subject = ("params", name), f"param `{name}`"
        if name in before:
            yield from _param(before[name], entry, subject, place)
        else:
            yield compatible("param_added", place, f"{subject} is new and has a default")
    for name in before.keys() - after.keys():
        sentence = f"param `{name}` is gone, and ignored where it is sent"
        yield compatible("param_removed", ("params", name), sentence)


def _param(
    old: SchemaEntry, new: SchemaEntry, subject: str, place: tuple[str, ...]
) -> Iterator[Finding]:
    was, is_ = _is_list(old), _is_list(new)
    if was != is_:
        words = ("a list", "one value") if is_ else ("one value", "a list")
        sentence = "{} is {} and was {}".format(subject, *words)
        yield breaking("param_shape_changed", place, sentence)
    before, after = ({**each, "type": _param_type(each)} for each in (old, new))
    yield from type_differences(before, after, subject, place)
    if was == is_ and old.get("default") != new.get("default"):
        yield compatible("default_changed", place, f"{subject} has another default")


def _outputs(old: Entries, new: Entries) -> Iterator[Finding]:
    before = {_output_key(entry, place): entry for place, entry in enumerate(old)}
    after = {_output_key(entry, place): entry for place, entry in enumerate(new)}
    for key in [*after, *(key for key in before if key not in after)]:
        subject, place = f"output {_shown(key)}", ("outputs", key)
        if key not in before:
            yield _of_output("output_added", place, f"{subject} is new")
        elif key not in after:
            yield _of_output("output_removed", place, f"{subject} is gone")
        elif before[key] != after[key]:
            is_, was = type_text(after[key]), type_text(before[key])
            sentence = f"{subject} is {is_} and was {was}"
            if is_ == was:
                sentence = f"{subject} is {is_}, as it was, and differs in detail"
            yield _of_output("output_changed", place, sentence)


def _of_output(code: str, place: tuple[str | int, ...], sentence: str) -> Finding:
    return Finding(Severity.OUTPUT_ONLY, place, sentence, code)


def _output_key(entry: SchemaEntry, position: int) -> str | int:
    # Nobody has checked what MLmodel says of outputs.
    name = entry.get("name")
    return name if isinstance(name, str | int) else position


def _subject(place: tuple[str | int, ...], entry: SchemaEntry) -> str:
    kind = "tensor" if _are_tensors([entry]) else "column"
    if kind == "tensor" and entry.get("name") is None:
        return "the tensor"
    return f"{kind} {_shown(place[-1])}"


def _shown(name: str | int) -> str:
    return str(name) if type(name) is int else f"`{name}`"


def _is_hinted(description: Mapping[str, Any]) -> bool:
    return description.get("from_type_hint") is True


def _are_tensors(entries: Entries) -> bool:
    return bool(entries[0]["type"] == "tensor")


def _are_named(entries: Entries) -> bool:
    return entries[0].get("name") is not None


def _by_name(entries: Entries) -> dict[str, SchemaEntry]:
    # JSON's objects have no integer keys: 0 and "0" are one place in a record.
    return {str(entry["name"]): entry for entry in entries}


def _is_list(param: SchemaEntry) -> bool:
    return param.get("shape") is not None


def _param_type(param: SchemaEntry) -> str:
    return str(param.get("type") or param.get("dtype"))
