"""Makes `<release>.json` beside this file: one artifact for each form of input example.

Run it with the Python of an environment that has that release of MLflow and nothing of Podium:

    uv venv --python 3.10 old && uv pip install --python old 'mlflow==1.30.1' \
        'numpy<1.25' 'pandas<2' 'scipy<1.12' 'protobuf<5' 'setuptools<70'
    old/bin/python tests/registry/old_artifacts/make.py

2.3.2, 2.9.2, 2.14.3 and 2.22.1 need the same pins of numpy, scipy and setuptools; 3.x none. The
file maps each form to the files of its artifact as text, and to `given`: what that very release
calls the model with for its own example, as `told_back` tells it. Forms that a release does not
take are left out.
"""

import importlib
import inspect
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import Model, infer_signature
from mlflow.models.utils import _read_example
from scipy.sparse import csc_matrix, csr_matrix

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


MATRIX = np.array([[0.0, 1.5, 0.0], [2.5, 0.0, -3.0]])
FRAME = pd.DataFrame({"a": [1.5, 2.5], "b c": [1, 2], "d": ["x", "y"], "e": [True, False]})
SPECIAL = pd.DataFrame(
    {
        "when": pd.to_datetime(["2024-05-06T07:08:09.123456", "1999-12-31T00:00:00.5"]),
        "raw": [bytes(range(60)), b""],
        "some": [1.0, None],
    }
)
BLOCK = np.arange(12, dtype="int32").reshape(2, 3, 2)
NAMED = {"x": MATRIX, "y": MATRIX[:, 0]}
CHAT = {"messages": [{"role": "user", "content": "Hello?"}]}
NESTED = {"question": "why", "context": {"of": ["a", "b"], "rank": 2}}
ROWS = [{"a": 1.5, "d": "x"}, {"a": 2.5, "d": "y"}]

# Form: (example, what the signature is inferred from; None for none, arguments beside).
FORMS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "frame": (FRAME, FRAME, {}),
    "frame of moments, bytes and nulls": (SPECIAL, SPECIAL, {}),
    "frame of default columns": (pd.DataFrame(MATRIX), pd.DataFrame(MATRIX), {}),
    "frame with params": ((FRAME, {"k": 3, "names": ["p", "q"]}), FRAME, {}),
    "frame without signature": (FRAME, None, {}),
    "frame for a tensor": (pd.DataFrame(MATRIX), MATRIX, {}),
    "array": (MATRIX, MATRIX, {}),
    "array of integers": (BLOCK, BLOCK, {}),
    "array with nulls": (np.array([[1.0, np.nan], [np.nan, 2.0]]), MATRIX[:, :2], {}),
    "array with params": ((MATRIX, {"k": 3}), MATRIX, {}),
    "array without signature": (MATRIX, None, {}),
    "array for named columns": (MATRIX, pd.DataFrame(MATRIX, columns=["a", "b", "c"]), {}),
    "named arrays": (NAMED, NAMED, {}),
    "named arrays with params": (({"x": MATRIX}, {"k": 3}), {"x": MATRIX}, {}),
    "csr": (csr_matrix(MATRIX), csr_matrix(MATRIX), {}),
    "csr with params": ((csr_matrix(MATRIX), {"k": 3}), csr_matrix(MATRIX), {}),
    "csc": (csc_matrix(MATRIX), csc_matrix(MATRIX), {}),
    "csc without signature": (csc_matrix(MATRIX), None, {}),
    "one row": ({"a": 1.5, "d": "x"}, pd.DataFrame(ROWS[:1]), {}),
    "lists by name": ({"a": [1.5, 2.5], "d": ["x", "y"]}, pd.DataFrame(ROWS), {}),
    "rows": (ROWS, pd.DataFrame(ROWS), {}),
    "list of numbers": ([1.5, 2.5], None, {}),
    "list of texts": (["x", "y"], ["x", "y"], {}),
    "text": ("Hello?", "Hello?", {}),
    "text without signature": ("Hello?", None, {}),
    "bytes": (b"\x00\xff", b"\x00\xff", {}),
    "number": (7.5, None, {}),
    "nested": (NESTED, NESTED, {}),
    "nested, not converted": (NESTED, NESTED, {"example_no_conversion": True}),
    "rows, not converted": (ROWS, pd.DataFrame(ROWS), {"example_no_conversion": True}),
    "text, not converted": ("Hello?", "Hello?", {"example_no_conversion": True}),
    "chat, not converted": (CHAT, None, {"example_no_conversion": True}),
    "chat": (CHAT, None, {}),
}


def saved(place: Path, example: Any, schema_of: Any, more: dict[str, Any]) -> None:
    """An artifact of this release's making."""
    of_params: dict[str, Any] = {}
    if isinstance(example, tuple):
        of_params = {"params": example[1]}
    signature = None if schema_of is None else infer_signature(schema_of, **of_params)
    known = inspect.signature(mlflow.pyfunc.save_model).parameters
    code = "code_paths" if "code_paths" in known else "code_path"
    if not more.keys() <= known.keys():
        raise TypeError("this release converts every example")
    mlflow.pyfunc.save_model(
        str(place),
        loader_module="told_back",
        data_path=str(data_file(place.parent)),
        signature=signature,
        input_example=example,
        pip_requirements=["mlflow"],
        **{code: [str(HERE / "told_back.py")]},
        **more,
    )


def made(of: tuple[Any, Any, dict[str, Any]], place: Path) -> None:
    """The artifact of one form."""
    saved(place, *of)


def typed(place: Path) -> None:
    """The same with a type hint for a signature."""
    # Imported here, since older releases come without pydantic.
    flower = importlib.import_module("typed").Flower
    mlflow.pyfunc.save_model(
        str(place),
        python_model=str(HERE / "typed.py"),
        input_example=[flower(petals=5), flower(petals=6, colour="red")],
        pip_requirements=["mlflow"],
    )
    if "is_signature_from_type_hint" not in (place / "MLmodel").read_text():
        raise TypeError("this release knows no type hints")


def data_file(folder: Path) -> Path:
    """What `told_back` is loaded from."""
    path = folder / "kept.json"
    path.write_text('{"raises": false}')
    return path


def kept(place: Path, given: dict[str, Any] | None) -> dict[str, Any]:
    """The artifact as text, without `told_back` itself, which is the same in all of them."""
    files = [path for path in sorted(place.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    texts = {
        path.relative_to(place).as_posix(): path.read_text().replace(f"{HERE}/", "")
        for path in files
    }
    texts.pop("code/told_back.py", None)
    return {"given": given, "files": texts}


def given(place: Path) -> dict[str, Any] | None:
    """What this release calls the model with for the example that it has saved; None if it fails.

    Where the artifact holds a ready request, that says more.
    """
    if (place / "serving_input_example.json").exists():
        return None
    described = Model.load(str(place / "MLmodel"))
    example = _read_example(described, str(place))
    params = (described.saved_input_example_info or {}).get("params")
    stored = json.loads((place / "input_example.json").read_text()) if params else {}
    try:
        answer = mlflow.pyfunc.load_model(str(place)).predict(
            example, **{key: stored[key] for key in stored.keys() & {"params"}}
        )
    except mlflow.exceptions.MlflowException:
        return None
    told: dict[str, Any] = json.loads(answer[0])
    return told


def main() -> None:
    """Writes the file, and says which forms this release does not take."""
    artifacts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        makers: dict[str, Callable[[Path], None]] = {
            form: partial(made, of) for form, of in FORMS.items()
        }
        for form, make in {**makers, "typed": typed}.items():
            place = Path(folder) / "artifact"
            try:
                make(place)
                artifacts[form] = kept(place, given(place))
            except Exception as error:  # noqa: BLE001 - a form that the release does not know
                print(f"{form}: {type(error).__name__}: {str(error)[:90]}")  # noqa: T201
            shutil.rmtree(place, ignore_errors=True)
    path = HERE / f"{mlflow.__version__}.json"
    path.write_text(json.dumps(artifacts, indent=1, sort_keys=True) + "\n")


main()
