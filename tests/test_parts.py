"""Parts of the service are as its settings say."""

from service.app import client_limits
from service.config.settings import load_settings
from service.server.timeouts import ClientLimits

SMALLEST_CHUNK = len(b"1\r\n[\r\n")


def test_longest_body_that_is_taken_may_come_in_the_smallest_chunks() -> None:
    """Whatever the operator has set; what one request may take on the wire grows with it."""
    settings, generous = load_settings({}), load_settings({"max_body_bytes": 1024**3})
    usual, large = client_limits(settings, 7), client_limits(generous, 7)

    assert usual == ClientLimits(connections=7)
    assert usual.request_bytes > SMALLEST_CHUNK * settings.max_body_bytes
    assert large.request_bytes > SMALLEST_CHUNK * 1024**3


def test_o4_idle_connections_are_kept_as_long_as_the_setting_says() -> None:
    """By itself longer than the balancers of clouds, so that they close first."""
    assert client_limits(load_settings({}), 7).idle_seconds > 600
    assert client_limits(load_settings({"keep_alive_seconds": 5}), 7).idle_seconds == 5
