"""Addresses lead to MLflow's pages and keep passwords to themselves."""

import pytest

from training.addresses import model_page, run_page, shown, shown_server


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://ann:secret@mlflow.example/base", "https://mlflow.example/base"),
        ("postgresql://ann:p@ss@db.example/mlflow", "postgresql://db.example/mlflow"),
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("databricks", "databricks"),
    ],
)
def test_shown_addresses_hold_no_password(uri: str, expected: str) -> None:
    """User and password go, everything else stays."""
    assert shown(uri) == expected


def test_server_is_shown_with_the_workspace_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As every command shows it; where none is named there is nothing to say."""
    monkeypatch.delenv("MLFLOW_WORKSPACE", raising=False)
    assert shown_server("http://ann:secret@mlflow:8080") == "http://mlflow:8080"
    monkeypatch.setenv("MLFLOW_WORKSPACE", " team-a ")
    assert shown_server("http://ann:secret@mlflow:8080") == "http://mlflow:8080 workspace team-a"


def test_server_has_a_page_for_each_run() -> None:
    """The address that MLflow's own page has for a run."""
    page = run_page("http://ann:secret@127.0.0.1:8080/", "7", "abc")
    assert page == "http://127.0.0.1:8080/#/experiments/7/runs/abc"


def test_model_names_are_quoted() -> None:
    """MLflow accepts spaces and slashes in names."""
    assert (
        model_page("http://127.0.0.1:8080", "a b/c") == "http://127.0.0.1:8080/#/models/a%20b%2Fc"
    )


def test_database_has_no_pages() -> None:
    """Nothing to click is better than a dead address."""
    assert run_page("sqlite:///mlflow.db", "1", "abc") is None
