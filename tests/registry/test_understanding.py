"""What errors of MLflow's client mean, raised by the client itself against real sockets."""

import socket
from collections.abc import Iterator

import pytest
from mlflow.utils.rest_utils import MlflowHostCreds, http_request

from service.registry.child.faults import (
    RegistryFault,
    asked,
    fault_of_download,
    fault_of_look,
)
from service.registry.wire import SENTENCES, Fault


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of somebody who takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        yield f"http://{host}:{port}"


@pytest.mark.parametrize("retries", [0, 1])
def test_answer_that_takes_too_long_is_not_taken_for_a_registry_that_is_down(
    silent: str, retries: int
) -> None:
    """MLflow's client gives up by itself, and calls it otherwise once it has tried again."""
    with pytest.raises(Exception, match="timed out") as late:
        http_request(  # type: ignore[no-untyped-call]
            MlflowHostCreds(silent),  # type: ignore[no-untyped-call]
            "/api",
            "GET",
            timeout=0.1,
            max_retries=retries,
            backoff_factor=0,
        )
    assert fault_of_look(late.value) is Fault.TIMED_OUT
    assert fault_of_download(late.value) is Fault.TIMED_OUT


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("##### File data #####\n[Errno 28] No space left on device", Fault.DISK),
        ("##### File data #####\n[Errno 30] Read-only file system", Fault.DISK),
        ("##### File data #####\n403 Client Error: Forbidden for url", Fault.ARTIFACT_FORBIDDEN),
        ("##### File data #####\n401 Client Error: Unauthorized", Fault.UNAUTHENTICATED),
        (
            "An error occurred (403) when calling the HeadObject operation: Forbidden",
            Fault.ARTIFACT_FORBIDDEN,
        ),
        (
            "An error occurred (AccessDenied) when calling the ListObjectsV2 operation",
            Fault.ARTIFACT_FORBIDDEN,
        ),
        ('##### File data #####\nRuntimeError("can\'t start new thread")', Fault.PROCESSES),
        ("##### File data-403 #####\n[Errno 5000] nothing known", Fault.NOT_FETCHED),
    ],
)
def test_error_of_one_file_is_told_by_its_librarys_words(text: str, fault: Fault) -> None:
    """MLflow puts them into a text of its own."""
    assert fault_of_download(RuntimeError(text)) is fault


def test_what_was_asked_is_handed_on() -> None:
    """And what nobody knows is nonsense, with its type in the detail."""
    assert asked(lambda: 7) == 7
    with pytest.raises(RegistryFault, match="KeyError") as failure:
        asked(lambda: dict[str, int]()["aliases"])
    assert failure.value.fault is Fault.NONSENSE


def test_every_fault_has_a_sentence() -> None:
    """Complete, and no two the same."""
    assert SENTENCES.keys() == set(Fault)
    assert len(set(SENTENCES.values())) == len(SENTENCES)
    assert all(sentence.endswith((".", "?")) for sentence in SENTENCES.values())
