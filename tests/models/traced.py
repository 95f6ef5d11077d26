"""Doubles `x` in a helper that is traced; other numbers ask MLflow for what needs its server."""

import mlflow
import pandas as pd

ASKED = {
    1001.0: lambda: mlflow.log_metric("x", 1.0),
    1002.0: lambda: mlflow.pyfunc.load_model("models:/x/1"),
    1003.0: mlflow.start_run,
    1004.0: lambda: mlflow.artifacts.download_artifacts("models:/x@champion"),
    1005.0: lambda: mlflow.artifacts.download_artifacts("runs:/0123456789abcdef/model"),
    1006.0: lambda: mlflow.get_experiment("0"),
    1007.0: mlflow.search_runs,
    1008.0: lambda: mlflow.MlflowClient().get_model_version_by_alias("x", "champion"),
    1009.0: lambda: mlflow.genai.load_prompt("prompts:/x/1"),
    1010.0: lambda: mlflow.set_active_model(name="x"),
    1011.0: lambda: mlflow.log_text("x", "x.txt"),
    1012.0: lambda: mlflow.search_traces(return_type="list"),
    1013.0: lambda: mlflow.register_model("runs:/0123456789abcdef/model", "x"),
}
ALLOWED = {
    2001.0: mlflow.MlflowClient,
    2002.0: lambda: mlflow.set_experiment("agents"),
    2003.0: lambda: mlflow.get_trace("tr-1"),
    2004.0: mlflow.flush_trace_async_logging,
    2005.0: mlflow.get_last_active_trace_id,
    2006.0: mlflow.sklearn.autolog,
    2007.0: lambda: mlflow.tracing.disable() or mlflow.tracing.enable(),
    2008.0: mlflow.tracing.reset,
}


OWN_SERVER = 3001.0


@mlflow.trace
def doubled(values):
    """Twice each, with a word to the span that it is in."""
    span = mlflow.get_current_active_span()
    span.set_attribute("asked", "yes")
    if OWN_SERVER in values:
        print("recorded" if span.trace_id.startswith("tr-") else "not recorded")
    mlflow.update_current_trace(tags={"team": "iris"})
    with mlflow.start_span("inner") as span:
        span.set_inputs(values)
    return [2 * value for value in values]


class Traced(mlflow.pyfunc.PythonModel):
    """Row by row."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """Twice `x` for each row, or what MLflow said."""
        if OWN_SERVER in set(model_input["x"]):
            mlflow.set_tracking_uri("http://127.0.0.1:9")
        for value in model_input["x"]:
            try:
                (ASKED | ALLOWED).get(value, lambda: None)()
            except mlflow.exceptions.MlflowException as error:
                return [error.message] * len(model_input)
        return doubled(list(model_input["x"]))


mlflow.models.set_model(Traced())
