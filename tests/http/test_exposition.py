"""`/metrics` over HTTP, and what requests leave there."""

import threading

import pytest

from tests.http.app import App


async def test_request_is_counted_by_slot_route_and_status(app: App) -> None:
    """One counter per configured slot, route and status."""
    await app.predict([1])
    await app.predict(["x"], "/models/iris@champion/invocations")
    text = (await app.client.get("/metrics")).text

    start = 'podium_requests_total{alias="champion",code='
    assert f'{start}"200",model="iris",route="predict"}} 1.0' in text
    assert f'{start}"400",model="iris",route="invocations"}} 1.0' in text
    assert 'podium_request_seconds_count{alias="champion",model="iris",version="1"} 2.0' in text
    assert (
        'podium_request_errors_total{alias="champion",error="invalid_input",model="iris"} 1.0'
        in text
    )


async def test_metrics_labels_never_come_from_a_path(app: App) -> None:
    """A client cannot make a series: what it asks for in vain is not counted by name."""
    for path in ("/secret", "/models/secret@champion/predict", "/predict/secret"):
        await app.predict([1], path)
        await app.client.get(path)
    text = (await app.client.get("/metrics")).text

    assert "secret" not in text
    assert "podium_requests_total{" not in text


async def test_scraper_chooses_the_format(app: App) -> None:
    """Prometheus's text without a wish, OpenMetrics where `Accept` has it."""
    plain = await app.client.get("/metrics", headers={"Accept": ""})
    wanted = {"Accept": "application/openmetrics-text; version=1.0.0"}
    openmetrics = await app.client.get("/metrics", headers=wanted)

    assert plain.headers["content-type"].startswith("text/plain")
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")


async def test_p12_page_that_wants_for_a_thread_is_refused_for_now(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there the next time; none of the words are about threads."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", refuse)
        refused = await app.client.get("/metrics")
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert refused.headers["retry-after"] == "1"
    assert (await app.client.get("/metrics")).is_success
