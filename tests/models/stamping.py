"""Puts a text and a time together."""

import mlflow


class Stamping(mlflow.pyfunc.PythonModel):
    """Of a text, and a datetime that may be missing."""

    def predict(self, context, model_input, params=None):
        """One text a row: the text, in capitals as `loud` says, and the time in ISO 8601."""
        texts = model_input["text"].tolist()
        if (params or {}).get("loud"):
            texts = [text.upper() for text in texts]
        times = [None] * len(texts)
        if "time" in model_input:
            times = [time.isoformat() for time in model_input["time"]]
        return [f"{text}@{time}" for text, time in zip(texts, times, strict=True)]


mlflow.models.set_model(Stamping())
