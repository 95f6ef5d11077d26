"""A chat model as MLflow's documentation has them: it answers with what was said last."""

import mlflow
from mlflow.pyfunc import ChatModel
from mlflow.types.llm import ChatChoice, ChatCompletionResponse, ChatMessage


class Completing(ChatModel):
    """One answer, traced."""

    @mlflow.trace
    def predict(self, context, messages, params) -> ChatCompletionResponse:
        """What was said last."""
        said = ChatMessage(role="assistant", content=messages[-1].content)
        return ChatCompletionResponse(choices=[ChatChoice(index=0, message=said)], model="m")


mlflow.models.set_model(Completing())
