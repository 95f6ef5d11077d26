"""What is told of a defect over a request."""

from tests.http.app import App

SECRET = "4111 1111 1111 1111"


async def test_p14_defect_over_a_request_is_logged_without_the_clients_values(app: App) -> None:
    """One entry, with its request's id."""

    class Contract:
        def __getattr__(self, _: str) -> None:
            raise ValueError(SECRET)

    app.slots.default.binding.servable.reader = Contract()  # type: ignore[union-attr]
    reply = await app.predict([1])
    (line,) = [line for line in app.log() if line["event"] == "internal"]
    assert line["request_id"] == reply.headers["x-request-id"]
    assert "ValueError" in line["exception"]
    assert SECRET not in str(line)
