"""`podium doctor` on set-ups that are really broken: it names each, nothing else, and mends it."""

import ast
import json
import os
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from service.cli.doctor import DoctorReport
from service.doctor.labels import VERSION_TAGS, unknown_model_tags, unknown_version_tags
from service.doctor.rights import HeldGrant, idle_grants, missing_rights
from service.exits import REFUSED
from service.hold_tag import HOLD_PREFIX
from tests.doctor import (
    broken_accounts,
    broken_addresses,
    broken_settings,
    broken_stores,
    broken_webhooks,
)
from tests.doctor.ground import NAME, Breaking, Ground
from tests.promotion.test_commands import podium, report
from tests.support.documents import ROOT
from tests.support.tracking import free_port

CASES: Final[tuple[Breaking, ...]] = (
    broken_settings.quotes,
    broken_settings.missing_package,
    broken_settings.nobody_named,
    broken_settings.bad_setting,
    broken_settings.misspelled_variable,
    broken_settings.home_below_a_file,
    broken_settings.no_model,
    broken_settings.no_alias,
    broken_settings.no_files,
    broken_settings.misspelled_tag,
    broken_settings.tag_in_the_wrong_place,
    broken_settings.misspelled_version_tag,
    broken_settings.strange_alias,
    broken_settings.nobody_serves,
    broken_addresses.no_scheme,
    broken_addresses.nobody_listens,
    broken_addresses.path_missing,
    broken_addresses.page_of_a_proxy,
    broken_addresses.https_to_a_plain_port,
    broken_addresses.http_to_a_tls_port,
    broken_addresses.nobody_known_has_signed,
    broken_addresses.no_certificate,
    broken_addresses.dead_proxy,
    broken_addresses.bad_client_setting,
    broken_addresses.clock_off,
    broken_addresses.host_refused,
    broken_addresses.workspace_where_there_is_none,
    broken_addresses.workspace_misspelled,
    broken_accounts.wrong_password,
    broken_accounts.token_of_nobody,
    broken_accounts.no_read_on_the_experiment,
    broken_accounts.no_read_on_the_model,
    broken_accounts.grant_on_a_pattern,
    broken_accounts.promoter_without_edit,
    broken_webhooks.no_webhook,
    broken_webhooks.other_events,
    broken_webhooks.switched_off,
    broken_webhooks.other_secret,
    broken_stores.store_elsewhere,
    broken_stores.no_profile,
    broken_stores.database_elsewhere,
)
# Each of the others starts servers, or the service's own processes twice: `make doctor-cases`.
QUICK: Final = (broken_settings.quotes, broken_settings.home_below_a_file)
TRIED: Final = CASES if os.environ.get("TEST_DOCTOR_ALL") else QUICK


@pytest.mark.parametrize("breaking", TRIED, ids=lambda each: each.__name__)
def test_one_thing_that_is_wrong_is_named_alone_and_its_mend_works_as_written(
    breaking: Breaking, ground: Ground
) -> None:
    """Named with its code; what the sentence says is done, and then nothing is wrong any more."""
    with breaking(ground) as broken:
        (found,) = ground.examined()
        assert (found["subject"], found["code"]) == (broken.subject, broken.code), found
        told = re.search(broken.says, found["sentence"], re.DOTALL)
        assert told is not None, found
        broken.mend(told)
        assert ground.examined() == []


def test_nothing_is_found_where_nothing_is_wrong(ground: Ground) -> None:
    """The model is read and judged all the same."""
    shown = podium("doctor", uri=ground.registry.tracking_uri, PODIUM_MODELS=f"{NAME}@champion")
    assert "nothing is wrong" in shown.stdout


def test_several_things_are_named_together(ground: Ground) -> None:
    """Each once."""
    ground.registry.client.set_registered_model_tag(NAME, "podium.batchin", "rows")
    ground.variables |= {"PODIUM_MODELS": f"{NAME}@gone", "PODIUM_POL_SECONDS": "5"}
    assert sorted(each["code"] for each in ground.examined()) == [
        *("alias_missing", "unknown_tag", "unknown_variable"),
    ]


def test_what_is_found_is_told_also_where_mlflow_does_not_answer() -> None:
    """Nobody has to ask again for what no server has to say."""
    uri = f"http://127.0.0.1:{free_port()}"
    done = podium("doctor", "--json", uri=uri, PODIUM_POL_SECONDS="5")
    codes = {each["code"] for each in report(done)["troubles"]}
    assert (done.exit_code, codes) == (REFUSED, {"unknown_variable", "registry_unreachable"})


def test_grants_that_match_nothing_are_told_apart() -> None:
    """MLflow takes a pattern, and compares it as a name."""
    held = [
        HeldGrant("registered_model", pattern, "READ")
        for pattern in ("*", "prod.*", "gone", "wine")
    ]
    found = idle_grants([*held, HeldGrant("experiment", "7", "READ")], {"wine"})
    assert [each.subject for each in found] == ["READ on prod.*", "READ on gone"]
    assert "exact names" in found[0].sentence


@pytest.mark.parametrize(
    ("role", "held", "missing"),
    [
        ("service", "READ", False),
        ("validator", "READ", True),
        ("validator", "EDIT", False),
        ("promoter", "READ", True),
        ("promoter", "MANAGE", False),
        ("owner", "EDIT", True),
    ],
)
def test_rights_are_those_of_the_role(role: Any, held: str, *, missing: bool) -> None:
    """What the account lacks is named, with what it is for."""
    found = missing_rights(role, ["wine"], lambda _, __: held)
    assert [each.code for each in found] == ["permission_missing"] * missing


def test_validator_may_have_edit_on_versions_alone() -> None:
    """As `deploy/mlflow/grants.py` gives it."""

    def held(kind: str, _: str) -> str:
        return "EDIT" if kind == "registered_model_version" else "READ"

    assert not missing_rights("validator", ["wine"], held)


def test_every_tag_of_podium_is_known() -> None:
    """Whoever adds a constant for one adds it there, or it would be called a mistake."""
    of_runs = {"podium.verdict", "podium.process"}
    beside = {"podium.blocked.by"}  # by the constant's name and an ending
    assert (set(_tags()) - of_runs) | beside == VERSION_TAGS
    assert not list(unknown_model_tags(NAME, [f"{HOLD_PREFIX}champion", "team"]))
    assert not list(unknown_version_tags(NAME, "1", [*VERSION_TAGS, "team"]))


def _tags() -> Iterator[str]:
    """The value of every constant of the service that is called one."""
    for file in (ROOT / "service").rglob("*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                named = node.target.id.endswith("_TAG") and isinstance(node.value, ast.Constant)
                value = ast.literal_eval(node.value) if named and node.value else ""
                if str(value).startswith("podium."):
                    yield str(value)


def test_schema_is_the_one_that_is_documented() -> None:
    """By `model_json_schema`, which also writes it anew."""
    schema = json.loads((ROOT / "docs/schemas/doctor.json").read_text())
    assert schema == DoctorReport.model_json_schema(mode="serialization")


def test_process_that_does_not_start_in_time_is_no_fault_of_the_registry(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was not asked: the machine is named."""
    monkeypatch.setattr("service.zygote.front.process._START_SECONDS", 0.0)
    (trouble,) = ground.examined()
    assert (trouble["subject"], trouble["code"]) == ("this machine", "start_timed_out")
