"""Trains and saves a model with whatever libraries this interpreter has, and notes its answers.

    python of_its_time.py PLACE

PLACE.json has the rows, as MLflow's `dataframe_split`, and what the model itself answers to them,
loaded as MLflow loads it. Runs in the oldest environments that hosts do.
"""

import json
import sys
import warnings
from pathlib import Path

import mlflow
import mlflow.pyfunc
import mlflow.sklearn
import pandas as pd
import sklearn
from mlflow.models.signature import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("ignore")
place = sys.argv[1]
rows, species = load_iris(return_X_y=True, as_frame=True)
scaled = make_pipeline(SimpleImputer(), StandardScaler())
columns = ColumnTransformer([("scaled", scaled, list(rows.columns[:2]))], remainder="passthrough")
model = make_pipeline(columns, GradientBoostingClassifier(n_estimators=5, random_state=0))
model.fit(rows, species)
mlflow.sklearn.save_model(
    model,
    place,
    signature=infer_signature(rows, model.predict_proba(rows)),
    input_example=rows.head(3),
    serialization_format="cloudpickle",
    pyfunc_predict_fn="predict_proba",
    pip_requirements=[
        f"mlflow=={mlflow.__version__}",
        f"scikit-learn=={sklearn.__version__}",
        f"pandas=={pd.__version__}",
    ],
)
answers = mlflow.pyfunc.load_model(place).predict(rows)
noted = {
    "rows": {"dataframe_split": {"columns": list(rows.columns), "data": rows.to_numpy().tolist()}},
    "answers": answers.tolist(),
    "python": sys.version.split()[0],
}
Path(place + ".json").write_text(json.dumps(noted))
