"""The tutorial works as it stands, against a real MLflow server and the real service."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import training
from tests.support.services import running_service

NOTEBOOK = Path(training.__file__).parent / "tutorial.ipynb"


# Some fifteen commands, each a process that imports MLflow: minutes where the machine is busy.
@pytest.mark.timeout(1800)
def test_tutorial_runs_to_its_end(
    mlflow_server: str,
    tmp_path: Path,
) -> None:
    """Every cell passes, its assertions included; the service follows the alias there and back."""
    refs, token = ["basic_lr_iris_model@champion"], {"PODIUM_ADMIN_TOKEN": "of-the-tutorial"}
    with running_service(refs, mlflow_server, tmp_path, **token) as service:
        addresses = {"MLFLOW_TRACKING_URI": mlflow_server, "PODIUM_URL": service.url}
        home = {"PODIUM_HOME": str(tmp_path / "commands")}
        notebook = _execute(addresses | token | home, tmp_path)
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")


def test_tutorial_is_stored_without_outputs() -> None:
    """Nobody's results or paths are in the repository."""
    notebook = _tutorial()
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def _tutorial() -> nbformat.NotebookNode:
    text = NOTEBOOK.read_text()
    notebook: nbformat.NotebookNode = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def _execute(variables: dict[str, str], folder: Path) -> nbformat.NotebookNode:
    notebook = _tutorial()
    client = NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    # Jupyter writes connection files and history; they belong to the test.
    own = {"JUPYTER_RUNTIME_DIR": str(folder), "IPYTHONDIR": str(folder / "ipython")}
    client.execute(env=os.environ | variables | own)
    return notebook
