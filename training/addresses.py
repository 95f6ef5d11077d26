"""Addresses for people: MLflow's pages, and servers without the passwords in them."""

import os
from urllib.parse import quote, urlsplit, urlunsplit


def shown(uri: str) -> str:
    """The URI with user and password left out, safe to print."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def shown_server(uri: str) -> str:
    """The same, with the workspace that MLflow's client asks it within, if one is named."""
    workspace = os.environ.get("MLFLOW_WORKSPACE", "").strip()
    return f"{shown(uri)} workspace {workspace}" if workspace else shown(uri)


def run_page(tracking_uri: str, experiment_id: str, run_id: str) -> str | None:
    """The run's page; None if the store is not a server and so has no pages."""
    return _page(tracking_uri, f"experiments/{experiment_id}/runs/{run_id}")


def model_page(tracking_uri: str, name: str) -> str | None:
    """The registered model's page, where aliases are moved; None as above."""
    return _page(tracking_uri, f"models/{quote(name, safe='')}")


def _page(tracking_uri: str, fragment: str) -> str | None:
    if urlsplit(tracking_uri).scheme not in ("http", "https"):
        return None
    return f"{shown(tracking_uri).rstrip('/')}/#/{fragment}"
