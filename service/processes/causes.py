"""An error and what has led to it, for whoever looks for one kind among all."""

from collections.abc import Iterator


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, five at most.

    MLflow wraps a failed connection without a type of its own (utils/rest_utils.py, http_request).
    """
    seen: BaseException | None = error
    for _ in range(5):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__
