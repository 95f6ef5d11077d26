"""What a service has of environments that builds none, as most of them."""

import json
import subprocess
import sys

_MODULES = """
import json, sys
import service.app, service.engine, service.parts
print(json.dumps([each for each in sys.modules if each.startswith("service.environments.")]))
"""
# What says where a version runs.
_LIGHT = {
    *("build_settings", "choosing", "difference", "environment", "installed", "late", "logged"),
    *("index_addresses", "requirement_lines", "wish"),
}


def test_front_imports_nothing_that_builds_until_a_version_needs_it() -> None:
    """Its start is as fast as before there were environments, and its memory is not larger."""
    command = [sys.executable, "-c", _MODULES]
    told = subprocess.run(command, check=True, capture_output=True, timeout=100).stdout
    assert {each.removeprefix("service.environments.") for each in json.loads(told)} == _LIGHT
