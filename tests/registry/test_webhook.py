"""Which deliveries of MLflow's webhook are believed, and which of them lead to a look."""

import json
from contextlib import nullcontext
from typing import Any

import pytest
from mlflow.entities.webhook import VALID_ENTITY_ACTIONS, WebhookEvent
from mlflow.webhooks import delivery
from mlflow.webhooks.types import get_example_payload_for_event

from service.errors import (
    DeliveryExpired,
    DeliveryForged,
    DeliveryRefused,
    DeliveryRepeated,
    DeliveryUnreadable,
)
from service.patterns import RefPattern
from service.refs import ModelRef
from service.registry.webhooks.deliveries import WINDOW_SECONDS, Delivery, WebhookReceiver
from tests.support.uncomparable import Uncomparable

SECRET = "a secret of both sides"
NOW = 1_800_000_000
REFS = (ModelRef("iris", "champion"), ModelRef("a/b@c", "blue"))


def body(entity: str, action: str, **data: Any) -> str:
    """An event as MLflow writes it."""
    event = {"entity": entity, "action": action, "timestamp": "2027-01-15T08:00:00", "data": data}
    return json.dumps(event)


MOVED = body("model_version_alias", "created", name="iris", alias="champion", version="2")


def delivered(
    text: str = MOVED, delivery_id: str = "1", timestamp: object = NOW, secret: str = SECRET
) -> tuple[dict[bytes, bytes], bytes]:
    """Headers and body, signed by MLflow's own code."""
    sign = delivery._generate_hmac_signature
    headers = {
        b"x-mlflow-delivery-id": delivery_id.encode(),
        b"x-mlflow-timestamp": str(timestamp).encode(),
        b"x-mlflow-signature": sign(secret, delivery_id, str(timestamp), text).encode(),
    }
    return headers, text.encode()


def receiver(remembered: int = 100) -> WebhookReceiver:
    """One whose clock stands still."""
    return WebhookReceiver(SECRET.encode(), REFS, lambda: NOW, remembered)


def test_what_mlflow_signs_is_believed() -> None:
    """By its own code, with text beyond ASCII in the event."""
    assert receiver().receive(*delivered()) is True
    text = body("model_version_tag", "set", name="iris", version="1", key="größe", value="✓")
    assert receiver().receive(*delivered(text)) is True


@pytest.mark.parametrize("changed", ["x-mlflow-delivery-id", "x-mlflow-timestamp", "body", "v0"])
def test_whatever_is_changed_on_the_way_is_refused(changed: str) -> None:
    """Each part is signed, and the scheme is MLflow's."""
    headers, text = delivered()
    if changed == "body":
        text += b" "
    elif changed == "v0":
        signature = headers[b"x-mlflow-signature"]
        headers[b"x-mlflow-signature"] = signature.replace(b"v1", b"v0")
    else:
        headers[changed.encode()] += b"0"
    with pytest.raises(DeliveryForged):
        receiver().receive(headers, text)


@pytest.mark.parametrize("secret", [SECRET, "another"])
def test_signature_is_compared_in_constant_time(secret: str) -> None:
    """`hmac.compare_digest` alone may look at it; with `==` it could be found byte by byte."""
    headers, text = delivered(secret=secret)
    headers[b"x-mlflow-signature"] = Uncomparable(headers[b"x-mlflow-signature"])
    believed = secret == SECRET
    with nullcontext() if believed else pytest.raises(DeliveryForged):
        assert receiver().receive(headers, text) is True


@pytest.mark.parametrize("name", ["delivery-id", "timestamp", "signature"])
def test_each_header_is_needed(name: str) -> None:
    """None of them may be left out."""
    headers, text = delivered()
    del headers[f"x-mlflow-{name}".encode()]
    with pytest.raises(DeliveryForged):
        receiver().receive(headers, text)


@pytest.mark.parametrize("delivery_id", ["", "x" * 129])
def test_id_is_bounded(delivery_id: str) -> None:
    """Even if it is signed."""
    with pytest.raises(DeliveryForged):
        receiver().receive(*delivered(delivery_id=delivery_id))


def test_another_secret_is_refused() -> None:
    """Somebody else's webhook."""
    with pytest.raises(DeliveryForged):
        receiver().receive(*delivered(secret=SECRET[:-1]))


@pytest.mark.parametrize("off", [-WINDOW_SECONDS, 0, WINDOW_SECONDS])
def test_delivery_within_the_window_is_believed(off: int) -> None:
    """Clocks differ, and MLflow's retries carry the first one's time."""
    assert receiver().receive(*delivered(timestamp=NOW + off))


@pytest.mark.parametrize(
    "timestamp",
    [NOW - WINDOW_SECONDS - 1, NOW + WINDOW_SECONDS + 1, f"-{NOW}", f"{NOW}.0", "", "9" * 5000],
)
def test_delivery_outside_of_the_window_is_refused(timestamp: object) -> None:
    """Too old, ahead, or no time."""
    with pytest.raises(DeliveryExpired):
        receiver().receive(*delivered(timestamp=timestamp))


def test_delivery_counts_once() -> None:
    """Recorded and sent again, it has no effect."""
    one = receiver()
    assert one.receive(*delivered())
    with pytest.raises(DeliveryRepeated):
        one.receive(*delivered())
    assert one.receive(*delivered(delivery_id="2"))


def test_refused_delivery_does_not_take_its_id() -> None:
    """Otherwise a forged one could keep the real one out."""
    one = receiver()
    for refused in (delivered(secret="x"), delivered("[]")):
        with pytest.raises(DeliveryRefused):
            one.receive(*refused)
    assert one.receive(*delivered())


def test_remembered_ids_are_bounded_and_the_oldest_goes_first() -> None:
    """A memory that grows with each delivery would end the service."""
    one = receiver(remembered=3)
    for number in range(10):
        one.receive(*delivered(delivery_id=str(number)))
    assert len(one._taken) == 3
    with pytest.raises(DeliveryRepeated):
        one.receive(*delivered(delivery_id="7"))


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "1", '"x"', "NaN", "{}", "[" * 100_000, '{"entity": 1}'),
        *(
            '{"entity": "a", "action": "b", "data": []}',
            '{"entity": [], "action": "b", "data": {}}',
        ),
        '{"entity": "a", "action": null, "data": {}}',
    ],
)
def test_signed_nonsense_is_refused(text: str) -> None:
    """One shape is read and no other."""
    with pytest.raises(DeliveryUnreadable):
        receiver().receive(*delivered(text))


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        (MOVED, True),
        (body("model_version_alias", "deleted", name="iris", alias="champion"), True),
        (body("model_version_alias", "created", name="iris", alias="other", version="2"), False),
        (body("model_version_alias", "created", name="other", alias="champion"), False),
        (body("model_version_alias", "created", name="a/b@c", alias="blue"), True),
        (body("model_version_tag", "set", name="iris", version="1", key="k", value="v"), True),
        (body("model_version_tag", "set", name="other", version="1", key="k", value="v"), False),
        (body("registered_model", "created", name="iris"), True),
        (body("model_version", "created", name="iris", version="3"), True),
        (body("prompt_alias", "created", name="iris", alias="champion", version="1"), False),
        (body("something_new", "created", name="iris"), False),
        (body("model_version_alias", "created"), False),
        (body("model_version_alias", "created", name=["iris"], alias={"champion": 1}), False),
    ],
)
def test_only_what_is_followed_leads_to_a_look(text: str, *, looks: bool) -> None:
    """By name and alias; tags and versions by the name alone."""
    assert receiver().receive(*delivered(text)) is looks


@pytest.mark.parametrize(
    "event",
    [
        WebhookEvent(entity, action)
        for entity, actions in VALID_ENTITY_ACTIONS.items()
        for action in sorted(actions)
    ],
    ids=str,
)
def test_mlflows_test_event_leads_to_no_look(event: WebhookEvent) -> None:
    """Of every kind, even for who follows a model of the example's name."""
    followed = (ModelRef("example_model", "example_alias"), ModelRef("example_model", "champion"))
    one = WebhookReceiver(SECRET.encode(), followed, lambda: NOW)
    example = get_example_payload_for_event(event)
    text = body(event.entity.value, event.action.value, **example)

    assert one.receive(*delivered(text)) is False


def test_model_of_the_examples_name_can_be_followed() -> None:
    """What differs from the test is an event."""
    one = WebhookReceiver(SECRET.encode(), [ModelRef("example_model", "champion")], lambda: NOW)
    real = body("model_version_alias", "created", name="example_model", alias="champion")
    assert one.receive(*delivered(real)) is True


@pytest.mark.parametrize(
    ("entity", "name", "alias", "meant"),
    [
        ("model_version_alias", "prod.iris", "champion", True),
        ("model_version_alias", "prod.iris", "blue", False),
        ("model_version_alias", "iris", "champion", False),
        ("registered_model", "prod.new", None, True),
        ("registered_model", "new", None, False),
        ("model_version_alias", None, None, False),
    ],
)
def test_event_concerns_what_a_pattern_means(
    entity: str, name: str | None, alias: str | None, *, meant: bool
) -> None:
    """Also of a model that has no slot yet."""
    event = Delivery(entity, "created", {"name": name, "alias": alias})
    assert event.concerns([], [RefPattern("prod.*", "champion")]) is meant
