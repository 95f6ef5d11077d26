"""Which MLflow is meant, and what of an address is shown."""

import pytest

from service.config.addresses import MlflowAddresses, is_web_address, shown, url_of

TRACKING, REGISTRY = "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"


@pytest.mark.parametrize(
    ("environment", "registry", "tracking"),
    [
        ({TRACKING: "http://a"}, "http://a", "http://a"),
        ({TRACKING: "http://a", REGISTRY: "http://b"}, "http://b", "http://a"),
        ({TRACKING: "http://a", REGISTRY: ""}, "http://a", "http://a"),
        ({REGISTRY: "http://b"}, "http://b", "http://b"),
        ({REGISTRY: "databricks-uc"}, "databricks-uc", None),
    ],
)
def test_either_variable_names_an_mlflow(
    environment: dict[str, str], registry: str, tracking: str | None
) -> None:
    """The registry is the tracking server unless told otherwise, and the other way round."""
    found = MlflowAddresses.named_in(environment)
    assert found == MlflowAddresses(registry, tracking)


@pytest.mark.parametrize("environment", [{}, {TRACKING: "", REGISTRY: ""}])
def test_no_variable_names_none(environment: dict[str, str]) -> None:
    """A variable that is set to nothing is not set."""
    assert MlflowAddresses.named_in(environment) is None


def test_only_a_tracking_server_that_is_known_is_laid_over_an_environment() -> None:
    """MLflow's own default is left where there is none."""
    assert MlflowAddresses("http://b", "http://a").variables == {TRACKING: "http://a"}
    assert MlflowAddresses("databricks-uc", None).variables == {}


def test_addresses_are_not_part_of_their_text() -> None:
    """A traceback gives no password away."""
    assert "hunter2" not in repr(MlflowAddresses("http://u:hunter2@a", "http://u:hunter2@a"))


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://user:hunter2@host:1/path?token=hunter2#hunter2", "http://host:1/path"),
        ("http://user:hun@ter2@host", "http://host"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("http://us\ner:hunter2@host", "http://host"),
        ("postgresql+psycopg2://user:hunter2@host/mlflow", "postgresql+psycopg2://host/mlflow"),
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("databricks", "databricks"),
        ("http://user:hun/ter2@host", "an address that cannot be read"),
        ("http://[", "an address that cannot be read"),
    ],
)
def test_secrets_of_an_address_are_not_shown(address: str, text: str) -> None:
    """Only where it is."""
    assert shown(address) == text


@pytest.mark.parametrize("text", ["http://a", "https://a:1/b", "http://u:p@[::1]:1", "HTTP://a"])
def test_address_of_a_server_is_one(text: str) -> None:
    """With a port or without, with a path or without."""
    assert is_web_address(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a:1", "ftp://a", "sqlite:///a", "http://", "http://:1", "http://[", "http://a..b"),
        *("http://a:b", "http://a:0", "http://a:99999", "http://a\x1b"),
    ],
)
def test_what_no_server_can_have_is_no_address(text: str) -> None:
    """Told before anything is asked."""
    assert not is_web_address(text)


@pytest.mark.parametrize(
    "address", ["user:secret@host:5000", "http:/user:secret@host:1/", "http://user:12/secret@host"]
)
def test_malformed_address_shows_no_password(address: str) -> None:
    """Where an @ stands in no place of its own, nothing is shown."""
    assert "secret" not in shown(address)


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:8000"), ("::1", "http://[::1]:8000")]
)
def test_address_can_be_called_as_it_is_written(host: str, url: str) -> None:
    """Also where the service listens on IPv6."""
    assert url_of(host, 8000) == url
    assert is_web_address(url)
