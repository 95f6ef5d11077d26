"""One question to a running service: whom it trusts."""

from pathlib import Path

import pytest

from service.checks.asking import ask
from service.checks.result import NoService
from tests.support.certificate import certificate
from tests.support.http_server import Response, http_server


def test_certificate_of_this_machine_is_trusted_where_the_environment_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a proxy beside the service; without it nobody is believed."""
    with http_server(lambda _: Response(b"{}"), tls=certificate(tmp_path)) as url:
        with pytest.raises(NoService):
            ask("GET", url, "/models")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "named.pem"))
        assert ask("GET", url, "/models").status_code == 200
