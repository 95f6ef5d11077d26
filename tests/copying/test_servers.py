"""Which credentials the two servers of a copy are asked with; nobody is asked."""

import pytest

from service.copying.mlflow_server import MlflowServer

SOURCE = {
    "AWS_ACCESS_KEY_ID": "of the source",
    "AWS_SESSION_TOKEN": "of the source",
    "AWS_DEFAULT_REGION": "here",
    "AZURE_STORAGE_CONNECTION_STRING": "of the source",
}


@pytest.mark.parametrize(
    ("own", "gone"),
    [
        ({}, set()),
        ({"AWS_PROFILE": "prod"}, {"AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"}),
        ({"AWS_ACCESS_KEY_ID": "mine"}, {"AWS_SESSION_TOKEN"}),
        ({"AWS_DEFAULT_REGION": "there"}, set()),
        ({"AZURE_STORAGE_ACCESS_KEY": "mine"}, {"AZURE_STORAGE_CONNECTION_STRING"}),
    ],
)
def test_bucket_of_the_target_is_written_by_its_own_account_where_it_has_one(
    own: dict[str, str], gone: set[str]
) -> None:
    """Clients would take the source's, which they find first; without one it is the source's."""
    given = {**SOURCE, **{f"PODIUM_TO_{name}": text for name, text in own.items()}}
    target = MlflowServer.target("http://there", given).environment
    assert {name for name in SOURCE if name not in target} == gone
    assert own.items() <= target.items()
