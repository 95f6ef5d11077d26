"""`podium split`, `block` and `withdraw` on a real service: who is told to look does so at once."""

import json
from typing import Any

from service.exits import DONE
from tests.end_to_end.rollouts import SECONDS, TOKEN, Rollouts
from tests.promotion.test_commands import podium
from tests.support.waiting import wait_until


def told(rollouts: Rollouts, *words: str) -> Any:
    """The report of a command that ends well."""
    uri, url = rollouts.registry.tracking_uri, rollouts.service.url
    given = ("--json", "--url", url) if words[0] in {"split", "where"} else ("--json",)
    ended = podium(*words, *given, uri=uri, PODIUM_ADMIN_TOKEN=TOKEN)
    assert ended.exit_code == DONE, ended.output
    return json.loads(ended.stdout)


def shares(rollouts: Rollouts) -> dict[str, float]:
    """What each arm gets now."""
    return {each["alias"]: each["weight"] for each in rollouts.slot("champion")["arms"]}


def wait_for(rollouts: Rollouts, expected: dict[str, float]) -> None:
    """Returns once requests are shared so."""
    wait_until(
        lambda: shares(rollouts) == expected,
        SECONDS,
        lambda: f"{expected}: {rollouts.slot('champion')}",
    )


def test_p18_arm_comes_by_command_and_goes_by_block_clear_and_withdrawal(
    rollouts: Rollouts,
) -> None:
    """Each at once, and what serves of it is shown beside what is wished."""
    second = rollouts.add()
    arm = f"v{second}"
    done = told(rollouts, "split", rollouts.name, f"{arm}=25")
    assert [each["told"] for each in done["instances"]] == [True]
    wait_for(rollouts, {"champion": 75.0, arm: 25.0})
    told(rollouts, "block", rollouts.name, second, "--reason", "unfair")
    wait_for(rollouts, {"champion": 100.0, arm: 0.0})
    (service,) = told(rollouts, "where", rollouts.name)["services"]
    (slot,) = service["slots"]
    assert [(each["weight"], each["wished"]) for each in slot["arms"]] == [(100, 75), (0, 25)]
    told(rollouts, "unblock", rollouts.name, second)
    wait_for(rollouts, {"champion": 75.0, arm: 25.0})
    words = ("withdraw", rollouts.name, second, "--url", rollouts.service.url)
    ended = podium(*words, uri=rollouts.registry.tracking_uri, PODIUM_ADMIN_TOKEN=TOKEN)
    assert ended.exit_code == DONE, ended.output
    wait_for(rollouts, {"champion": 100.0, arm: 0.0})
    told(rollouts, "split", rollouts.name, "--clear")
    wait_for(rollouts, {})
    assert rollouts.slot("champion")["version"] == "1"
