"""Why training can stop, each as one line for a person."""


class TrainingError(Exception):
    """Training cannot go on; the message is one line that says why and, if known, what to do."""


class Unreachable(TrainingError):
    """MLflow does not answer, refuses, or what answers is not MLflow; its cause is the client's.

    `address` is that of the server, without a password.
    """

    def __init__(self, address: str) -> None:
        super().__init__(
            f"MLflow does not answer at {address}. Start it, or set MLFLOW_TRACKING_URI."
        )
        self.address = address


class BadData(TrainingError):
    """The data set is not what the model is to be trained on."""
