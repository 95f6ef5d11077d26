"""Why training can stop, each as one line for a person."""


class TrainingError(Exception):
    """Training cannot go on; the message is one line that says why and, if known, what to do."""


class Unreachable(TrainingError):
    """MLflow does not answer, or what answers is not MLflow."""


class BadData(TrainingError):
    """The data set is not what the model is to be trained on."""
