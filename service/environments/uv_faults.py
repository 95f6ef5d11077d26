"""What uv says when it fails, as a code and a sentence that says what to do.

uv's own words are the detail, for the log. Tried against the release that is pinned; what a later
one says otherwise is an `environment_failed`, and nothing worse.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.environments.environment import EnvironmentDelayed, EnvironmentRefused

UNDATED: Final = re.compile(
    r"is missing an upload date|filtered by `exclude-newer`.* requirement is v[^\s,]+\. "
)
"""Whether uv has left out packages because the index does not say when they were published."""
# One for each file of an index that tells no dates: the first says it for all.
_UNDATED_FILE: Final = re.compile(
    r"^warning: `[^`\n]+` is missing an upload date.*\n", re.MULTILINE
)
NOWHERE: Final = "package_nowhere"
UNREACHABLE: Final = "index_unreachable"
# What may stand in a sentence of what uv names: packages and versions.
_NAMED: Final = r"([A-Za-z0-9_.\-]+(?:[=<>!~]=?[A-Za-z0-9_.*+!\-]+)?)"
_DETAIL: Final = 4000


@dataclass(frozen=True, slots=True)
class _Word:
    said: re.Pattern[str]
    code: str
    sentence: str
    lasting: bool = True


def _word(said: str, code: str, sentence: str, *, lasting: bool = True) -> _Word:
    return _Word(re.compile(said, re.IGNORECASE), code, sentence, lasting)


def _passing(said: str, code: str, sentence: str) -> _Word:
    return _word(said, code, sentence, lasting=False)


# The first that fits: what is wrong with the way to an index hides what it has.
_WORDS: Final = (
    _passing(
        r"No space left on device|os error 28\b|Disk quota exceeded",
        "disk_full",
        "The disk is full: make room under PODIUM_HOME, or lower PODIUM_ENV_BYTES.",
    ),
    _passing(
        r"(?:40[137]) (?:Unauthorized|Forbidden|Proxy Authentication)",
        "index_unauthorized",
        "A package index does not take the credentials that it is asked with: check pip's "
        "configuration (index-url, netrc) or PODIUM_INDEXES.",
    ),
    _passing(
        r"invalid peer certificate|corrupt message of type|fatal alert: \w*Certificate|"
        r"unable to get local issuer certificate|certificate verify failed",
        "index_untrusted",
        "A package index's certificate is not trusted, or it does not speak TLS: name the file of "
        "whoever has signed it in SSL_CERT_FILE or pip's `cert`, and check the address.",
    ),
    _passing(
        r"Unsupported `Content-Type`|Received some unexpected (?:JSON|HTML)|expected value at line",
        "index_nonsense",
        "What answers at a package index's address does not answer as one does: check the address "
        "and any proxy before it.",
    ),
    _passing(
        r"error sending request|dns error|tcp connect error|operation timed out|"
        r"HTTP status (?:server|client) error|Request failed after|connection (?:reset|closed)|"
        r"error decoding response body|Failed to fetch|"
        r"Network connectivity is disabled|network was disabled",
        UNREACHABLE,
        "A package index does not answer: check that it is running, and pip's index-url and proxy; "
        "it is tried again.",
    ),
    _word(
        rf"Hash mismatch for `{_NAMED}`",
        "hash_mismatch",
        "What the package index gives for {0} is not what it has announced, or what was locked: "
        "find out who has altered it.",
    ),
    _word(
        rf"Because {_NAMED} was not found in the (?:package registry|provided package locations)|"
        rf"\b{_NAMED} was not found in the (?:package registry|provided package locations)",
        NOWHERE,
        "No package index has {0}: publish it to one that Podium asks, or log the model with its "
        "wheel (mlflow.models.model.add_libraries_to_model).",
    ),
    _word(
        rf"{_NAMED} has no (?:usable )?wheels(?! with)|Wheels are required for `{_NAMED}`",
        "source_build",
        "{0} has no wheel, and building it would run its author's code here: publish a wheel of "
        "it, or set PODIUM_ALLOW_SOURCE_BUILDS=true.",
    ),
    _word(
        rf"{_NAMED} has no wheels with a matching|only have wheels for `{_NAMED}`",
        "no_wheel",
        "{0} has no wheel for this machine's platform and the version's Python: train it with "
        "packages that have one.",
    ),
    _word(
        rf"there (?:is|are) no versions? of {_NAMED}",
        "version_nowhere",
        "No package index that is asked for it has {0}: check how it is written, and which ones "
        "Podium asks (with UV_INDEX_STRATEGY=first-index the first that has any version of it).",
    ),
    _word(
        r"requirements are unsatisfiable|No solution found",
        "requirements_conflict",
        "The version's requirements contradict each other: log it with ones that fit together; "
        "the log says which.",
    ),
    _word(
        r"Failed to build|build backend",
        "source_build_failed",
        "A package has no wheel, and its own code has failed to build one; the log says more.",
    ),
)
_FAILED: Final = _passing(
    "", "environment_failed", "uv could not build the environment; the log has its own words."
)


def fault_of(said: str) -> EnvironmentRefused | EnvironmentDelayed:
    """Of a run of uv that has failed."""
    for word in _WORDS:
        if found := word.said.search(said):
            named = next(filter(None, found.groups()), "a package")
            return _fault(word, word.sentence.format(named), said)
    return _fault(_FAILED, _FAILED.sentence, said)


def _fault(word: _Word, sentence: str, said: str) -> EnvironmentRefused | EnvironmentDelayed:
    make: Callable[[str, str, str], EnvironmentRefused | EnvironmentDelayed]
    make = EnvironmentRefused if word.lasting else EnvironmentDelayed
    return make(word.code, sentence, _detail(said))


def _detail(said: str) -> str:
    """The end, where the cause stands; and, before it, whether dates were missing."""
    undated = _UNDATED_FILE.search(said)
    first = "" if undated is None else undated[0]
    return f"{first}{_UNDATED_FILE.sub('', said)[-_DETAIL:]}"
