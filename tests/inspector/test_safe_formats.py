"""Which artifacts may be loaded without trust, and that a host then loads nothing else."""

import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import yaml
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from service.host.loading import PickleForbidden, no_pickle
from service.inspector.safe_formats import objections, types_listed
from tests.inspector.native_artifacts import (
    CATBOOST,
    LIGHTGBM,
    LIGHTGBM_CLASSIFIER,
    ONNX,
    XGBOOST,
    Native,
)
from tests.support import models

X, Y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
Edit = Callable[[dict[str, Any]], None]


class Touching:
    """Leaves a file behind wherever it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def saved(folder: Path, model: Any, **more: Any) -> Path:
    """A scikit-learn model as MLflow saves it."""
    mlflow.sklearn.save_model(model, str(folder), pip_requirements=["scikit-learn"], **more)
    return folder


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline of what skops trusts; not to be changed."""
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    return saved(tmp_path_factory.mktemp("linear") / "model", model)


def edited(artifact: Path, folder: Path, edit: Edit) -> Path:
    """A copy whose MLmodel says something else."""
    copied = folder / "copied"
    copied.mkdir()
    for path in artifact.iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
    described = yaml.safe_load((copied / "MLmodel").read_text())
    edit(described["flavors"])
    (copied / "MLmodel").write_text(yaml.safe_dump(described))
    return copied


def native(folder: Path, artifact: Native, edit: Edit) -> Path:
    """An artifact of a library that is not here, with an MLmodel that says something else."""
    described = yaml.safe_load(artifact.mlmodel)
    edit(described["flavors"])
    return replace(artifact, mlmodel=yaml.safe_dump(described)).write(folder)


def test_skops_of_trusted_types_may_be_loaded(linear: Path) -> None:
    """A real pipeline, as MLflow saves it by default."""
    assert objections(linear) == []


def test_probabilities_may_be_asked_for(tmp_path: Path) -> None:
    """`pyfunc_predict_fn` names one of scikit-learn's own methods."""
    model = LogisticRegression().fit(X, Y)
    place = saved(tmp_path / "model", model, pyfunc_predict_fn="predict_proba")
    assert objections(place) == []


def test_pickles_may_not_be_loaded(tmp_path: Path) -> None:
    """Whatever they hold."""
    model = LogisticRegression().fit(X, Y)
    place = saved(tmp_path / "model", model, serialization_format="cloudpickle")
    assert objections(place) == ["it is saved as a pickle"]


def test_artifact_does_not_vouch_for_itself(tmp_path: Path) -> None:
    """Types that MLmodel lists as trusted count nothing, and are named."""
    model = RandomForestClassifier(n_estimators=1).fit(X, Y)
    trusted = ["sklearn.tree._tree.Tree", "sklearn.tree._classes.DecisionTreeClassifier"]
    place = saved(tmp_path / "model", model, skops_trusted_types=trusted)
    (objection,) = objections(place)
    assert "sklearn.tree._tree.Tree" in objection


def test_function_of_the_authors_may_not_be_loaded(tmp_path: Path) -> None:
    """Functions are types that skops does not trust."""
    model = make_pipeline(FunctionTransformer(os.path.normcase), LogisticRegression())
    place = tmp_path / "model"
    place.mkdir()
    saved(place / "m", model, skops_trusted_types=["posixpath.normcase"])
    (objection,) = objections(place / "m")
    assert "posixpath.normcase" in objection


def test_model_from_code_may_not_be_loaded(tmp_path: Path) -> None:
    """Its loader is MLflow's for any Python."""
    assert objections(models.save(tmp_path, "echo")) == [
        "its loader is not one of those that run no code"
    ]


def test_shipped_code_may_not_be_loaded(tmp_path: Path) -> None:
    """`code_paths` are put on the path before the model is loaded."""
    module = models.number_module(tmp_path / "code", 1)
    place = saved(tmp_path / "model", LogisticRegression().fit(X, Y), code_paths=[str(module)])
    assert objections(place) == ["it ships code of its own"]


HOSTILE: Mapping[str, Edit] = {
    "no sklearn flavour": lambda flavors: flavors.pop("sklearn"),
    "says pickle": lambda flavors: flavors["sklearn"].update(serialization_format="pickle"),
    "says nothing": lambda flavors: flavors["sklearn"].pop("serialization_format"),
    "a file elsewhere": lambda flavors: flavors["python_function"].update(data="sub/model.skops"),
    "a file outside": lambda flavors: flavors["python_function"].update(data="../model.skops"),
    "a path elsewhere": lambda flavors: flavors["python_function"].update(
        model_path="sub/model.skops"
    ),
    "a folder": lambda flavors: flavors["python_function"].update(data="."),
    "no file": lambda flavors: flavors["python_function"].pop("model_path"),
    "a configuration": lambda flavors: flavors["python_function"].update(config={"a": 1}),
    "another function": lambda flavors: flavors["python_function"].update(predict_fn="fit"),
    "code": lambda flavors: flavors["python_function"].update(code="code"),
    "another loader": lambda flavors: flavors["python_function"].update(loader_module="os"),
    "a loader that is not text": lambda flavors: flavors["python_function"].update(
        loader_module=["mlflow.sklearn"]
    ),
    "MLflow's loader of pickles": lambda flavors: flavors["python_function"].update(
        loader_module="mlflow.statsmodels"
    ),
}


@pytest.mark.parametrize("edit", HOSTILE.values(), ids=HOSTILE)
def test_anything_else_may_not_be_loaded(linear: Path, tmp_path: Path, edit: Edit) -> None:
    """The list says what is allowed; whatever differs from it is refused."""
    assert objections(edited(linear, tmp_path, edit))


def test_symbolic_link_may_not_be_loaded(linear: Path, tmp_path: Path) -> None:
    """What is looked at and what is loaded could be two files."""
    place = edited(linear, tmp_path, lambda _: None)
    (place / "model.skops").unlink()
    (place / "model.skops").symlink_to(linear / "model.skops")
    assert objections(place) == ["its model is not one file beside its MLmodel"]


NATIVE = {"xgboost": XGBOOST, "lightgbm": LIGHTGBM, "catboost": CATBOOST, "onnx": ONNX}


@pytest.mark.parametrize("artifact", NATIVE.values(), ids=NATIVE)
def test_native_formats_may_be_loaded(tmp_path: Path, artifact: Native) -> None:
    """As MLflow writes them where nobody asks for another format."""
    assert objections(artifact.write(tmp_path / "model")) == []


ALLOWED: Mapping[str, tuple[Native, Edit]] = {
    "XGBoost's JSON": (replace(XGBOOST, start=b'{"learner"'), lambda _: None),
    "XGBoost's Booster": (
        XGBOOST,
        lambda flavors: flavors["xgboost"].update(model_class="xgboost.core.Booster"),
    ),
    "XGBoost of an older MLflow": (XGBOOST, lambda flavors: flavors["xgboost"].pop("model_class")),
    "CatBoost itself": (
        CATBOOST,
        lambda flavors: flavors["catboost"].update(model_type="CatBoost"),
    ),
    "ONNX without providers": (ONNX, lambda flavors: flavors["onnx"].pop("providers")),
    "ONNX with so many threads": (
        ONNX,
        lambda flavors: flavors["onnx"].update(
            onnx_session_options={
                "intra_op_num_threads": 1,
                "inter_op_num_threads": 1,
                "execution_mode": "parallel",
                "graph_optimization_level": 99,
            }
        ),
    ),
}


@pytest.mark.parametrize(("artifact", "edit"), ALLOWED.values(), ids=ALLOWED)
def test_what_mlflow_can_be_asked_to_write_of_them_may_be_loaded(
    tmp_path: Path, artifact: Native, edit: Edit
) -> None:
    """Each differs from the usual one in this alone."""
    assert objections(native(tmp_path / "model", artifact, edit)) == []


UNSAFE: Mapping[str, tuple[Native, Edit]] = {
    "a pickle as XGBoost's": (replace(XGBOOST, start=b"\x80\x05"), lambda _: None),
    "a class of the author's": (
        XGBOOST,
        lambda flavors: flavors["xgboost"].update(model_class="subprocess.Popen"),
    ),
    "two files": (XGBOOST, lambda flavors: flavors["xgboost"].update(data="other.ubj")),
    "a pickle as LightGBM's": (replace(LIGHTGBM, start=b"\x80\x05"), lambda _: None),
    "LightGBM's classifier in skops": (LIGHTGBM_CLASSIFIER, lambda _: None),
    "LightGBM's classifier in a pickle": (
        LIGHTGBM_CLASSIFIER,
        lambda flavors: flavors["lightgbm"].pop("serialization_format"),
    ),
    "CatBoost's code": (
        CATBOOST,
        lambda flavors: flavors["catboost"].update(save_format="python"),
    ),
    "CatBoost's JSON": (replace(CATBOOST, start=b'{\n  "fea'), lambda _: None),
    "a pickle as CatBoost's": (replace(CATBOOST, start=b"\x80"), lambda _: None),
    "a provider's options": (
        ONNX,
        lambda flavors: flavors["onnx"].update(
            providers=[["CPUExecutionProvider", {"path": "evil.so"}]]
        ),
    ),
    "a provider of the author's": (
        ONNX,
        lambda flavors: flavors["onnx"].update(providers=["EvilExecutionProvider"]),
    ),
    "entries of a session": (
        ONNX,
        lambda flavors: flavors["onnx"].update(
            onnx_session_options={"extra_session_config": {"ep.context_enable": "1"}}
        ),
    ),
    "a session that is not a mapping": (
        ONNX,
        lambda flavors: flavors["onnx"].update(onnx_session_options=["extra_session_config"]),
    ),
    "another flavour": (
        XGBOOST,
        lambda flavors: flavors["python_function"].update(loader_module="mlflow.prophet"),
    ),
}


@pytest.mark.parametrize(("artifact", "edit"), UNSAFE.values(), ids=UNSAFE)
def test_other_formats_of_native_flavours_may_not(
    tmp_path: Path, artifact: Native, edit: Edit
) -> None:
    """Pickles under their names, classes of others, options that load libraries."""
    assert objections(native(tmp_path / "model", artifact, edit))


def test_class_of_lightgbms_is_told_how_it_is_saved(tmp_path: Path) -> None:
    """MLflow saves it with skops, which trusts none of its types by itself."""
    (objection,) = objections(LIGHTGBM_CLASSIFIER.write(tmp_path / "model"))
    assert objection == "its class is not LightGBM's Booster, and others are not saved as text"


def test_many_untrusted_types_are_counted() -> None:
    """However long their names are."""
    listed = types_listed([f"{'x' * 1000}{number}" for number in range(30)])
    assert listed.endswith(" and 20 more")
    assert len(listed) < 1200


@pytest.fixture
def touched(tmp_path: Path) -> Iterator[Path]:
    """A folder that only unpickling would make."""
    path = tmp_path / "touched"
    yield path
    assert not path.exists()


@pytest.mark.parametrize("load", [pickle.loads, pickle._loads])  # type: ignore[attr-defined] # the one in Python
def test_host_that_must_not_unpickle_does_not(touched: Path, load: Callable[..., Any]) -> None:
    """In C and in Python: nothing of the pickle has run."""
    text = pickle.dumps(Touching(touched))
    with no_pickle(), pytest.raises(PickleForbidden):
        load(text)


def test_what_is_allowed_is_loaded_without_unpickling(linear: Path) -> None:
    """The guard is not a hindrance to skops, and is gone afterwards."""
    with no_pickle():
        loaded = mlflow.pyfunc.load_model(str(linear))
    assert list(loaded.predict(X)) == [0, 0, 1, 1]
    assert pickle.loads(pickle.dumps(Path())) == Path()  # noqa: S301 - made here


@pytest.mark.parametrize(
    ("library", "installed", "clause"),
    [
        ("mlflow", "3.16.0", "it runs with mlflow 3.16.0, which is trusted from 3.17 on"),
        ("skops", "0.11.0", "it runs with skops 0.11.0, which is trusted from 0.13 on"),
        ("skops", None, "it runs without skops, which would tell what is in it"),
    ],
)
def test_older_libraries_of_the_versions_own_are_not_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    library: str,
    installed: str | None,
    clause: str,
) -> None:
    """An older skops takes for harmless what is not; an older MLflow loads otherwise."""

    def version(name: str) -> str:
        if name != library:
            return metadata.version(name)
        if installed is None:
            raise metadata.PackageNotFoundError(name)
        return installed

    place = saved(tmp_path / "model", LogisticRegression().fit(X, Y))
    assert objections(place) == []
    monkeypatch.setattr("service.inspector.safe_formats.version", version)
    assert objections(place) == [clause]
