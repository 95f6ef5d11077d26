"""An agent as MLflow's documentation has them: it answers with what was said last."""

import mlflow
from mlflow.pyfunc import ResponsesAgent
from mlflow.types.responses import ResponsesAgentRequest, ResponsesAgentResponse


class Responding(ResponsesAgent):
    """One answer, traced twice over."""

    @mlflow.trace
    def predict(self, request: ResponsesAgentRequest) -> ResponsesAgentResponse:
        """What was said last."""
        text = request.input[-1].content
        return ResponsesAgentResponse(output=[self.create_text_output_item(text, "1")])


mlflow.models.set_model(Responding())
