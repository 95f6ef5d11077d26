"""Takes whatever its signature lets through, and answers what kind of thing it was."""

import mlflow


class Echo(mlflow.pyfunc.PythonModel):
    """Never fails."""

    def predict(self, context, model_input, params=None):
        """The type and, if it has one, the length."""
        length = len(model_input) if getattr(model_input, "shape", None) != () else None
        return {"type": type(model_input).__name__, "length": length, "params": bool(params)}


mlflow.models.set_model(Echo())
