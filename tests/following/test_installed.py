"""What is installed, and what is there in another's place: with packages that are really there."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from service.environments.installed import OF_ANOTHER, installed

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a distribution on the path, as pip leaves one: its metadata, and its modules' names."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    def put(name: str, version: str, *modules: str) -> None:
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}")
        (folder / "top_level.txt").write_text("\n".join(modules))

    return put


@pytest.mark.parametrize(
    ("asked", "there", "module"),
    [
        ("psycopg2", "psycopg2-binary", "psycopg2"),
        ("psycopg2-binary", "psycopg2", "psycopg2"),
        ("opencv-python", "opencv-python-headless", "cv2"),
        ("opencv-python", "opencv-contrib-python", "cv2"),
        ("opencv-contrib-python-headless", "opencv-python", "cv2"),
        ("tensorflow", "tensorflow-cpu", "tensorflow"),
        ("tensorflow-gpu", "tensorflow", "tensorflow"),
        ("tensorflow-intel", "tensorflow", "tensorflow"),
        ("onnxruntime", "onnxruntime-gpu", "onnxruntime"),
        ("onnxruntime-gpu", "onnxruntime", "onnxruntime"),
        ("xgboost", "xgboost-cpu", "xgboost"),
        ("faiss-cpu", "faiss-gpu-cu12", "faiss"),
        ("mlflow-skinny", "mlflow", "mlflow"),
        ("Pillow", "pillow-simd", "PIL"),
        ("cupy", "cupy-cuda12x", "cupy"),
        # In no table: the one package that has the module.
        ("some_thing", "some-thing-nightly", "some_thing"),
    ],
)
def test_o13_what_provides_the_module_counts(
    install: Install, asked: str, there: str, module: str
) -> None:
    """With its version, which is its project's."""
    install(there, "2.9", module)
    assert installed(asked) == "2.9"


def test_o13_the_package_itself_comes_first(install: Install) -> None:
    """Where both are there."""
    install("opencv-python", "4.1", "cv2")
    install("opencv-python-headless", "4.2", "cv2")
    assert (installed("opencv-python"), installed("opencv-python-headless")) == ("4.1", "4.2")


def test_o13_name_that_only_leads_to_another_has_no_version_of_its_own(install: Install) -> None:
    """`sklearn` 0.0 asks for scikit-learn."""
    install("scikit-learn", "1.9", "sklearn")
    assert installed("sklearn") == OF_ANOTHER


def test_o13_modules_of_several_packages_make_none_of_them_the_one_asked_for(
    install: Install,
) -> None:
    """`google` is a namespace of many, and a package of its own."""
    install("protobuf", "6", "google")
    install("google-auth", "2", "google")
    assert installed("google") is None


def test_o13_what_nobody_provides_is_missing(install: Install) -> None:
    """A table makes nothing appear."""
    assert [installed(name) for name in ("psycopg2", "tensorflow", "sklearn", "no-such")] == [
        None
    ] * 4
