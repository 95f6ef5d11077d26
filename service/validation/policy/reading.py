"""From `validation.yaml` and flags to the policy in force, with every mistake at once."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from service.config.addresses import is_readable, shown
from service.validation.policy.code import MissingCode, code_mistakes, with_code
from service.validation.policy.validation_policy import ValidationPolicy

_MOST_BYTES: Final = 1_000_000
_MERGE: Final = "tag:yaml.org,2002:merge"
SCHEME: Final = "://"


class BadPolicy(Exception):
    """Every mistake of a policy, a line each, with its place."""


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """A policy, flags included, and what it is known by.

    Attributes:
        policy: everything in force.
        sha256: of its canonical form, defaults and flags included, so that two files that say the
            same are the same policy.
        file: where it was read; own metrics are found from its folder. None if it has no file.
        flags: what flags said instead of the file, by place as in `load.seconds`; of data where it
            is, without a password or a signature.
    """

    policy: ValidationPolicy
    sha256: str
    file: Path | None
    flags: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """Where files of own metrics are looked for."""
        return Path.cwd() if self.file is None else self.file.parent


def read_policy(file: Path | None, flags: Mapping[str, Any] | None = None) -> PolicyInForce:
    """The policy of a file, or the defaults, with flags by their place, as in `load.seconds`.

    A flag of None says nothing. Raises `BadPolicy`.
    """
    said = {place: value for place, value in (flags or {}).items() if value is not None}
    told, twice = ({}, []) if file is None else _told(file)
    folder = Path.cwd() if file is None else file.parent
    policy = _checked(_overlaid(told, said), folder, twice)
    if "data" in said:
        said["data"] = shown_data(str(said["data"]))
    return PolicyInForce(policy, sha256_of(policy), file, said)


def canonical(policy: ValidationPolicy) -> str:
    """The policy as JSON with sorted keys, everything in it, the same for what means the same.

    But for what is secret in the address of its data: a signature is another one each day.
    """
    told = policy.model_dump(mode="json")
    if policy.data is not None:
        told["data"] = shown_data(policy.data)
    return json.dumps(told, sort_keys=True, separators=(",", ":"))


def sha256_of(policy: ValidationPolicy) -> str:
    """Of 64 hexadecimal digits."""
    return hashlib.sha256(canonical(policy).encode()).hexdigest()


def _told(file: Path) -> tuple[dict[str, Any], list[str]]:
    """What the file says, and a line for each key that stands twice in it."""
    try:
        text = file.read_bytes()
    except OSError as error:
        raise BadPolicy(f"{file}: {error.strerror}") from None
    if len(text) > _MOST_BYTES:
        raise BadPolicy(f"{file}: is longer than {_MOST_BYTES} bytes")
    try:
        loader = _UniqueKeys(text)
        told = loader.get_single_data()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadPolicy(f"{file}: is not YAML: {_one_line(error)}") from None
    if told is not None and not isinstance(told, dict):
        raise BadPolicy(f"{file}: must be a mapping of keys and values")
    return told or {}, [f"{file}: {line}" for line in loader.twice]


class _UniqueKeys(yaml.SafeLoader):
    """Of two equal keys YAML's own loader takes the last and says nothing.

    Attributes:
        twice: a line for each key that stands twice.
    """

    def __init__(self, text: bytes) -> None:
        super().__init__(text)
        self.twice: list[str] = []

    def compose_mapping_node(self, anchor: Any) -> Any:
        """As it is written: what `<<` brings may be said anew."""
        node, seen = super().compose_mapping_node(anchor), set[Any]()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            name = self.construct_object(key)
            if name in seen:
                self.twice.append(f"line {key.start_mark.line + 1}: {name} stands twice")
            seen.add(name)
        return node


def _overlaid(told: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    whole = dict(told)
    for place, value in flags.items():
        section, _, rest = place.partition(".")
        if not rest:
            whole[section] = value
            continue
        inner = whole.get(section)
        whole[section] = _overlaid(inner if isinstance(inner, dict) else {}, {rest: value})
    return whole


def _checked(told: Mapping[str, Any], folder: Path, twice: list[str]) -> ValidationPolicy:
    try:
        policy = with_code(ValidationPolicy.model_validate(told), folder)
    except ValidationError as error:
        lines = [*twice, *_lines(error), *code_mistakes(told, folder)]
        raise BadPolicy("\n".join(lines)) from None
    except MissingCode as error:
        raise BadPolicy("\n".join([*twice, str(error)])) from None
    if twice:
        raise BadPolicy("\n".join(twice))
    return policy


def _lines(error: ValidationError) -> list[str]:
    lines = []
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(map(str, each["loc"])) or "policy"
        lines.append(f"{place}: {each['msg'].removeprefix('Value error, ')}")
    return lines


def _one_line(error: Exception) -> str:
    """Without the lines that are wrong, which YAML's own text has: they may hold a signature."""
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or type(error).__name__
    place = "" if mark is None else f", line {mark.line + 1}"
    return " ".join(f"{said}{place}".split())[:300]


def shown_data(where: str) -> str:
    """The place without what may be secret: user, password, and all after a question mark.

    What is no address is as it was. Two addresses that differ in the rest are shown as different.
    """
    if SCHEME not in where:
        return where
    if is_readable(where):
        return shown(where)
    # A signature is signed anew each time; the rest is what it is known by.
    digest = hashlib.sha256(where.partition("?")[0].encode()).hexdigest()
    return f"{shown(where)} ({digest[:16]})"
