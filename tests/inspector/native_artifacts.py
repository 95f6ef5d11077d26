"""Artifacts of libraries that are not here, as MLflow wrote them: MLmodel, and how the file begins.

By mlflow 3.17.2 with xgboost 3.2.0, lightgbm 4.7.0, catboost 1.2.10 and onnx 1.23.2, each loaded
and asked for a prediction by a host's own way, within `no_pickle`.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Native:
    """One artifact, as far as anybody looks at it without its library."""

    file: str
    start: bytes
    mlmodel: str

    def write(self, folder: Path) -> Path:
        """The artifact in that folder, which is made."""
        folder.mkdir()
        (folder / "MLmodel").write_text(self.mlmodel)
        (folder / self.file).write_bytes(self.start)
        return folder


XGBOOST = Native(
    "model.ubj",
    b"{L\x00\x00\x00\x00\x00\x00\x00\x07learne",
    """\
flavors:
  python_function:
    data: model.ubj
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.xgboost
    python_version: 3.11.7
  xgboost:
    code: null
    data: model.ubj
    model_class: xgboost.sklearn.XGBClassifier
    model_format: ubj
    xgb_version: 3.2.0
is_signature_from_type_hint: false
mlflow_version: 3.17.2
model_id: null
model_size_bytes: 2451
model_uuid: dea0b53e56ed4d42bf34af679d09099b
prompts: null
signature:
  inputs: '[{"type": "double", "name": "a", "required": true}, {"type": "double",
    "name": "b", "required": true}]'
  outputs: '[{"type": "long", "name": "a", "required": true}]'
  params: null
type_hint_from_example: false
utc_time_created: '2026-11-25 22:00:08.144326'
""",
)
LIGHTGBM = Native(
    "model.lgb",
    b"tree\nversion=v4\n",
    """\
flavors:
  lightgbm:
    code: null
    data: model.lgb
    lgb_version: 4.7.0
    model_class: lightgbm.basic.Booster
    serialization_format: skops
    skops_trusted_types:
    - lightgbm.sklearn.LGBMRegressor
    - lightgbm.basic.Booster
    - lightgbm.sklearn.LGBMClassifier
    - collections.OrderedDict
  python_function:
    data: model.lgb
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.lightgbm
    python_version: 3.11.7
is_signature_from_type_hint: false
mlflow_version: 3.17.2
model_id: null
model_size_bytes: 3028
model_uuid: 1694ee9d2ffc4700a0815473ef1f2478
prompts: null
signature:
  inputs: '[{"type": "double", "name": "a", "required": true}, {"type": "double",
    "name": "b", "required": true}]'
  outputs: '[{"type": "long", "name": "a", "required": true}]'
  params: null
type_hint_from_example: false
utc_time_created: '2026-11-25 22:00:08.224352'
""",
)
LIGHTGBM_CLASSIFIER = Native(
    "model.skops",
    b"PK\x03\x04\x14\x00\x00\x00\x00\x00\x04\xb0y]:\xb1",
    """\
flavors:
  lightgbm:
    code: null
    data: model.skops
    lgb_version: 4.7.0
    model_class: lightgbm.sklearn.LGBMClassifier
    serialization_format: skops
    skops_trusted_types:
    - lightgbm.sklearn.LGBMRegressor
    - lightgbm.basic.Booster
    - lightgbm.sklearn.LGBMClassifier
    - collections.OrderedDict
  python_function:
    data: model.skops
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.lightgbm
    python_version: 3.11.7
is_signature_from_type_hint: false
mlflow_version: 3.17.2
model_id: null
model_size_bytes: 42306
model_uuid: 5e8bcca1441b45348911eb2befebef04
prompts: null
signature:
  inputs: '[{"type": "double", "name": "a", "required": true}, {"type": "double",
    "name": "b", "required": true}]'
  outputs: '[{"type": "long", "name": "a", "required": true}]'
  params: null
type_hint_from_example: false
utc_time_created: '2026-11-25 22:00:08.230399'
""",
)
CATBOOST = Native(
    "model.cb",
    b'CBM1\x00"\x00\x00\x10\x00\x00\x00\x00\x00\n\x00',
    """\
flavors:
  catboost:
    catboost_version: 1.2.10
    code: null
    data: model.cb
    model_type: CatBoostClassifier
    save_format: cbm
  python_function:
    data: model.cb
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.catboost
    python_version: 3.11.7
is_signature_from_type_hint: false
mlflow_version: 3.17.2
model_id: null
model_size_bytes: 8712
model_uuid: fad306f12ca64377bd5aeeb054f984cc
prompts: null
signature:
  inputs: '[{"type": "double", "name": "a", "required": true}, {"type": "double",
    "name": "b", "required": true}]'
  outputs: '[{"type": "long", "name": "a", "required": true}]'
  params: null
type_hint_from_example: false
utc_time_created: '2026-11-25 22:00:09.111765'
""",
)
ONNX = Native(
    "model.onnx",
    b"\x08\t:\xa0\x01\n\x11\n\x01x\n\x01W\x12\x01y",
    """\
flavors:
  onnx:
    code: null
    data: model.onnx
    onnx_session_options: null
    onnx_version: 1.23.2
    providers:
    - CUDAExecutionProvider
    - CPUExecutionProvider
  python_function:
    data: model.onnx
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.onnx
    python_version: 3.11.7
is_signature_from_type_hint: false
mlflow_version: 3.17.2
model_id: null
model_size_bytes: 40171
model_uuid: c184134127d0466a83e87528cab26497
prompts: null
signature:
  inputs: '[{"type": "double", "name": "a", "required": true}, {"type": "double",
    "name": "b", "required": true}]'
  outputs: '[{"type": "long", "name": "a", "required": true}]'
  params: null
type_hint_from_example: false
utc_time_created: '2026-11-25 22:00:09.195048'
""",
)
