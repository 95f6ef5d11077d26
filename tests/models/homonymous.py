"""Ships packages named as Podium's own, and answers what they say."""

import mlflow
import pandas as pd
from service.words import WORD as SERVICE
from training.words import WORD as TRAINING


class Homonymous(mlflow.pyfunc.PythonModel):
    """Row by row."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """Both words, once for each row."""
        import service
        import training

        words = f"{SERVICE} {TRAINING} {service.__doc__} {training.__doc__}"
        return [words] * len(model_input)


mlflow.models.set_model(Homonymous())
