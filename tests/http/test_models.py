"""What one may know of each slot at a glance."""

import platform
from dataclasses import replace

from service.bake_tag import BakeRule
from service.events.event_faults import EventFault, EventTrouble
from service.following.bake import Bake, BakeVerdict
from service.following.gates.gate import GateFinding
from service.following.pursuit import Pursuit
from service.following.slot_status import Failure, LookStatus
from service.http.access import Admin
from service.refs import ModelRef, VersionId
from service.rollout.rollout_plan import Plan
from service.split_tag import Split
from tests.http.app import IRIS, NOW, OTHER, App
from tests.support.serving import make_binding

AT = NOW - 60
AT_TEXT = "2027-01-15T07:59:00Z"
ASPIRED = VersionId("iris", 1_700_000_000_000, "2")


async def test_models_lists_every_slot_in_order(app: App) -> None:
    """The state of each, and how look-ups go, from one instant."""
    app.slots.default.serve(make_binding(IRIS), AT)
    app.slots.look = LookStatus(AT, 0.02, None)
    reply = await app.client.get("/models")

    assert reply.status_code == 200
    assert reply.json()["look"] == {"succeeded_at": AT_TEXT, "age_seconds": 60.0, "failure": None}
    iris, other = reply.json()["models"]
    assert iris == {
        "name": "iris",
        "alias": "champion",
        "state": "serving",
        "ready": True,
        "version": "1",
        "since": AT_TEXT,
        "lag_seconds": 0.0,
        "aspired": None,
        "unsigned": False,
        "row_wise": True,
        "row_wise_reason": "The answers to rows alone and together agree.",
        "last_known_good_since": None,
        "missing": False,
        "withdrawn": None,
        "quarantined": None,
        "prepared": None,
        "held": None,
        "blocked": None,
        "bake": None,
        "verdict": None,
        "environment": {
            "key": None,
            "python": platform.python_version(),
            "packages": None,
            "memory_bytes": 0,
            "zygote_memory_bytes": None,
            "awaited": False,
        },
        "coming": None,
        "shadow": None,
        "arm": False,
        "arms": [],
        "epoch": 2,
        "wrong_tags": [],
        "last_failure": None,
    }
    assert (other["name"], other["state"], other["version"]) == (OTHER.name, "empty", None)


async def test_p20_bake_is_told_with_its_counts_as_they_are_now(app: App) -> None:
    """Beside those of the version that it gives way to, which was asked about two of them."""
    slot, older = app.slots.default, make_binding(IRIS, "1")
    binding = make_binding(IRIS, "2")
    slot.serve(binding, AT)
    rule = BakeRule(seconds=60, most_seconds=900)
    slot.bake = Bake(binding.servable.version, binding.outcomes, older, rule, 0.0, AT)
    older.outcomes.failed("model_failed")
    for code in ("model_failed", "model_failed", "overloaded"):
        binding.outcomes.failed(code)
    binding.outcomes.tried(spared=True)
    binding.outcomes.tried(spared=False)
    report = (await app.client.get("/models/iris@champion")).json()
    assert report["bake"] == {
        "since": AT_TEXT,
        "until": "2027-01-15T08:00:00Z",
        "most_until": "2027-01-15T08:14:00Z",
        "unproven": False,
        "failing": False,
        "requests": 1,
        "failures": 1,
        "failed": 2,
        "tried": 2,
        "spared": 1,
        "older": "1",
        "older_requests": 3,
        "older_failures": 2,
    }
    slot.bake, slot.verdict = None, BakeVerdict(ASPIRED, "fails_more", "It failed.", AT, "1")
    report = (await app.client.get("/models/iris@champion")).json()
    verdict = {"version": "2", "code": "fails_more", "message": "It failed.", "at": AT_TEXT}
    assert (report["bake"], report["verdict"]) == (None, {**verdict, "proven": "1"})


async def test_p18_arms_are_counted_alike_while_one_of_them_bakes(app: App) -> None:
    """By what callers have got: of an arm nobody asks another version whose fault a failure is."""
    slot, arm = app.slots.default, ModelRef("iris", "v2")
    slot.serve(make_binding(IRIS, "1"), AT)
    app.slots.add_arms([arm])
    app.slots[str(arm)].serve(make_binding(arm, "2"), AT)
    slot.plan = Plan(split=Split.of("v2=10", "champion"))
    slot.compose()
    for each in slot.traffic.arms:
        each.binding.outcomes.requests += 9
        each.binding.outcomes.failed("model_failed")
    assert slot.binding is not None
    slot.binding.outcomes.tried(spared=True)
    arms = (await app.client.get("/models/iris@champion")).json()["arms"]
    assert [(each["requests"], each["failures"]) for each in arms] == [(10, 1), (10, 1)]


async def test_p2_refused_version_is_told_with_its_stage_and_code(app: App) -> None:
    """The old version serves, and the page says which one does not, why, and since when."""
    slot = app.slots.default
    slot.pursuit, slot.wish = Pursuit(ASPIRED), replace(slot.wish, at=AT)
    slot.failure = Failure("load", "load_failed", "The model could not be loaded.", AT, ASPIRED)
    report = (await app.client.get("/models/iris@champion")).json()

    assert (report["state"], report["version"], report["aspired"]) == ("refused", "1", "2")
    assert report["lag_seconds"] == 60.0
    assert report["last_failure"] == {
        "stage": "load",
        "code": "load_failed",
        "message": "The model could not be loaded.",
        "at": AT_TEXT,
        "version": "2",
    }


async def test_p5_failing_look_is_told_with_its_age(app: App) -> None:
    """A registry that does not answer shows, with how old the last answer is."""
    failure = Failure("resolve", "registry_unreachable", "The registry does not answer.", NOW)
    app.slots.look = LookStatus(AT, 0.02, failure)
    look = (await app.client.get("/models")).json()["look"]

    assert look["age_seconds"] == 60.0
    assert look["failure"]["code"] == "registry_unreachable"
    assert look["failure"]["version"] is None


async def test_model_shows_signature_schema_example_and_hosts(app: App) -> None:
    """Everything that a client needs to write its first request."""
    report = (await app.client.get(f"/models/{IRIS}")).json()

    assert report["signature"]["inputs"][0]["name"] == "x"
    assert report["request_schema"]["required"] == ["inputs"]
    assert report["serving_example"] == {"inputs": [1.0, 2.0]}
    assert report["hosts"]["hosts"] == 1
    assert report["look"]["succeeded_at"] is None


async def test_slot_without_a_version_has_no_details(app: App) -> None:
    """Nothing is made up for what is not there."""
    report = (await app.client.get(f"/models/{OTHER}")).json()

    assert report["version"] is None
    assert report["signature"] is report["serving_example"] is report["hosts"] is None


async def test_p15_huge_example_is_not_shown(app: App) -> None:
    """A model that stores its training set as example costs the loop nothing."""
    example = b'{"inputs": [' + b"1.0, " * 100_000 + b"1.0]}"
    app.slots.default.serve(make_binding(IRIS, example=example))

    assert (await app.client.get(f"/models/{IRIS}")).json()["serving_example"] is None


async def test_example_that_is_no_json_is_not_shown(app: App) -> None:
    """A version may ship any bytes as its example."""
    app.slots.default.serve(make_binding(IRIS, example=b"NaN"))

    assert (await app.client.get(f"/models/{IRIS}")).json()["serving_example"] is None


async def test_unknown_model_is_404(app: App) -> None:
    """A stable code, and not the name."""
    reply = await app.client.get("/models/secret@champion")

    assert (reply.status_code, reply.json()["code"]) == (404, "unknown_model")
    assert "secret" not in reply.text


async def test_o14_why_is_told_to_the_operator_alone() -> None:
    """The exception's type and text, and what gates have found; to others what they were told."""
    app = App(admin=Admin("secret"))
    finding = GateFinding("requirements", "package_differs", "scikit-learn 1.9 is installed.")
    message, detail = "The model could not be loaded.", "ValueError: node array"
    failure = Failure("load", "load_failed", message, AT, ASPIRED, detail, (finding,))
    app.slots.default.failure = failure
    app.slots.look = LookStatus(AT, 0.02, Failure("look", "code", "No.", AT, None, "HTTP 418"))
    why = {
        "detail": detail,
        "findings": [
            {
                "gate": "requirements",
                "code": "package_differs",
                "sentence": "scikit-learn 1.9 is installed.",
            }
        ],
    }
    for token in ("Bearer secret", "Bearer other"):
        told = token == "Bearer secret"
        headers = {"Authorization": token}
        listed = (await app.client.get("/models", headers=headers)).json()
        shown = (await app.client.get("/models/iris@champion", headers=headers)).json()
        for failed in (listed["models"][0]["last_failure"], shown["last_failure"]):
            assert {key: failed[key] for key in why if key in failed} == (why if told else {})
        for look in (listed["look"], shown["look"]):
            assert look["failure"].get("detail") == ("HTTP 418" if told else None)
    await app.client.aclose()


async def test_every_answer_of_a_process_bears_its_own_word(app: App) -> None:
    """By which those behind one address are told apart."""
    pages = ("/models/iris@champion", f"/models/{OTHER}", "/models/iris@champion")
    words = {(await app.client.get(page)).json()["instance"] for page in pages}
    (word,) = words
    assert len(word) == 32


async def test_lost_events_are_told_while_they_are_being_lost(app: App) -> None:
    """How many, since when and why; never where to."""
    assert "events" not in (await app.client.get("/models")).json()
    app.lost_events = EventTrouble(AT, 7, EventFault.UNREACHABLE)
    message = "Nothing answers at the address of PODIUM_EVENTS_URL, or its proxy does not let the "
    assert (await app.client.get("/models")).json()["events"] == {
        "since": AT_TEXT,
        "lost": 7,
        "code": "events_unreachable",
        "message": f"{message}event through.",
    }
