"""What is read of an MLmodel file, and what is refused: anybody may have written it."""

from pathlib import Path

import pytest

from service.registry.child.description import Unreadable, describe
from tests.registry.stores import MLMODEL, artifact

HEAD = MLMODEL.partition("signature")[0]


def described(folder: Path, mlmodel: str) -> dict[str, object]:
    """What an artifact with that MLmodel says."""
    return describe(artifact(folder / "artifact", mlmodel))


def test_signature_keeps_mlflows_three_parts(tmp_path: Path) -> None:
    """Absent ones are None; what is not MLflow's is left out."""
    text = HEAD + "signature: {inputs: '[]', params: '[]', comment: hello}\n"
    assert described(tmp_path, text)["signature"] == {
        "inputs": "[]",
        "outputs": None,
        "params": "[]",
    }


def test_model_without_a_signature_has_none(tmp_path: Path) -> None:
    """Whether it may serve is for others to say."""
    assert described(tmp_path, HEAD)["signature"] is None


@pytest.mark.parametrize(("text", "expected"), [("true", True), ("false", False), ("[no]", False)])
def test_type_hint_mark_is_read(tmp_path: Path, text: str, expected: bool) -> None:  # noqa: FBT001 - the table's word
    """Only `true` is true."""
    mlmodel = f"{MLMODEL}is_signature_from_type_hint: {text}\n"
    assert described(tmp_path, mlmodel)["from_type_hint"] is expected


@pytest.mark.parametrize(
    ("flavor", "expected"),
    [
        ("{serialization_format: skops}", "skops"),
        ("{serialization_format: [a]}", None),
        ("1", None),
    ],
)
def test_serialization_format_is_that_of_scikit_learns_flavour(
    tmp_path: Path, flavor: str, expected: str | None
) -> None:
    """What is not text says nothing."""
    mlmodel = MLMODEL.replace("sklearn: {}", f"sklearn: {flavor}")
    assert described(tmp_path, mlmodel)["serialization_format"] == expected


def multiplied(levels: int) -> str:
    """Lines that come to ten times more entries with each level."""
    merged = (
        f"a{level}: &a{level} {{<<: [{', '.join([f'*a{level - 1}'] * 10)}]}}"
        for level in range(1, levels + 1)
    )
    return "\n".join(("a0: &a0 {k: v}", *merged, ""))


UNREADABLE = {
    "no yaml": "a: [",
    "empty": "",
    "no text": "\x00\x01",
    "no mapping": "- a\n- b\n",
    "no flavours": "signature: null\n",
    "another language's model": "flavors:\n  crate: {}\n",
    "an object of Python": "flavors: !!python/object/apply:os.getpid []\n",
    "a signature that is a list": f"{HEAD}signature: []\n",
    "a signature of numbers": f"{HEAD}signature: {{inputs: 7}}\n",
    "a loader that is a list": "flavors: {python_function: {loader_module: [a]}}\n",
    "a date that is none": f"{HEAD}time: 2026-99-99\n",
    "a number without end": f"{HEAD}number: {'9' * 10_000}\n",
    "too deep": "[" * 100_000,
    "merge keys that multiply": f"{HEAD}{multiplied(8)}",
    "a merge key by its tag": f"{HEAD}a: &a {{k: v}}\nb: {{? !!merge x : *a}}\n",
    "too large": MLMODEL + "# filling\n" * 500_000,
}


@pytest.mark.parametrize("mlmodel", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_describes_no_python_model_is_unreadable(tmp_path: Path, mlmodel: str) -> None:
    """By one error, whatever YAML makes of it."""
    with pytest.raises(Unreadable):
        described(tmp_path, mlmodel)


def test_artifact_without_mlmodel_is_not_unreadable(tmp_path: Path) -> None:
    """It is incomplete, and may be complete later."""
    with pytest.raises(FileNotFoundError):
        describe(artifact(tmp_path / "artifact", mlmodel=None))
