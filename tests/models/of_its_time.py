"""Trains and saves models with whatever libraries this interpreter has, and notes their answers.

    python of_its_time.py PLACE REQUIREMENT ...

PLACE.json has the rows, as MLflow's `dataframe_split`, and what the model itself answers to them,
loaded as MLflow loads it. PLACE-seeing answers with what can be imported where it is asked. Runs in
the oldest environments that hosts do.
"""

import importlib.util
import json
import sys
import warnings
from pathlib import Path

import mlflow.pyfunc
import mlflow.sklearn
from mlflow.models.signature import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

PODIUMS = ("service", "training", "tests", "structlog", "uvloop", "prometheus_client", "skops")


class Seeing(mlflow.pyfunc.PythonModel):
    """Saved by value, as what is defined in a notebook is."""

    def predict(self, context, model_input):
        """Names of what should not be there, and where modules are looked for."""
        there = [name for name in PODIUMS if importlib.util.find_spec(name) is not None]
        return [*there, *sys.path]


def main(place, *requirements):
    """Saves both, and their answers."""
    rows, species = load_iris(return_X_y=True, as_frame=True)
    scaled = make_pipeline(SimpleImputer(), StandardScaler())
    numbers = [("scaled", scaled, list(rows.columns[:2]))]
    columns = ColumnTransformer(numbers, remainder="passthrough")
    model = make_pipeline(columns, GradientBoostingClassifier(n_estimators=5, random_state=0))
    model.fit(rows, species)
    mlflow.sklearn.save_model(
        model,
        place,
        signature=infer_signature(rows, model.predict_proba(rows)),
        input_example=rows.head(3),
        serialization_format="cloudpickle",
        pyfunc_predict_fn="predict_proba",
        pip_requirements=list(requirements),
    )
    mlflow.pyfunc.save_model(
        place + "-seeing",
        python_model=Seeing(),
        signature=infer_signature(rows),
        pip_requirements=list(requirements),
    )
    split = {"columns": list(rows.columns), "data": rows.to_numpy().tolist()}
    answers = mlflow.pyfunc.load_model(place).predict(rows).tolist()
    noted = {"request": {"dataframe_split": split}, "answers": answers}
    Path(place + ".json").write_text(json.dumps(noted))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:])
