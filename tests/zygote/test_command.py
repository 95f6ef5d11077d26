"""Which roles a zygote imports at its start, and which when they are asked for."""

from service.config.settings import load_settings
from service.hosting.specification import HOST_ROLE
from service.registry.roles import registry_role
from service.zygote_command import zygote_command


def test_where_nothing_is_loaded_the_registry_alone_is_imported_at_once() -> None:
    """What hosts need is most of a second, which `podium doctor` and `podium plan` do without."""
    usual = zygote_command(load_settings({}), {})
    judging = zygote_command(load_settings({}), {}, loads=False)
    assert HOST_ROLE in usual.roles
    assert judging.roles == (registry_role({}),)
    assert {*judging.roles, *judging.late} == {*usual.roles, *usual.late}
