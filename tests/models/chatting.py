"""An agent as MLflow's documentation has them: it answers with what was said last."""

import mlflow
from mlflow.pyfunc import ChatAgent
from mlflow.types.agent import ChatAgentMessage, ChatAgentResponse


class Chatting(ChatAgent):
    """One answer, traced."""

    @mlflow.trace
    def predict(self, messages, context=None, custom_inputs=None) -> ChatAgentResponse:
        """What was said last."""
        said = ChatAgentMessage(role="assistant", content=messages[-1].content, id="1")
        return ChatAgentResponse(messages=[said])


mlflow.models.set_model(Chatting())
