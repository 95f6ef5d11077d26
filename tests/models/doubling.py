"""Twice its input, whatever it is."""

import mlflow


class Doubling(mlflow.pyfunc.PythonModel):
    """Of an array an array."""

    def predict(self, context, model_input, params=None):
        """Twice each value."""
        return 2 * model_input


mlflow.models.set_model(Doubling())
