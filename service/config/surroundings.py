"""What the operator gives models to run with: variables by name, and MLflow's configuration.

Hosts hold no variable that nobody has named: it might be a secret. What is named reaches hosts by
message, after they were forked, so that no other process has it. Versions that several slots serve
share hosts, so all slots of one model are given the same.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from service.config.settings import Settings, is_object
from service.hosting.specification import Surroundings
from service.refs import ModelRef

# mlflow/pyfunc/scoring_server/__init__.py
_MLFLOWS_CONFIG: Final = "SERVING_MODEL_CONFIG"
# mlflow/utils/model_utils.py, _get_overridden_pyfunc_model_config; it may hold a secret.
_OF_EVERY_MODEL: Final = ("MLFLOW_PYFUNC_INFERENCE_CONFIG",)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Read when a process is started, which is before anybody is given anything; or Podium's own.
_TOO_LATE: Final = re.compile(r"LD_.*|MALLOC_.*|GLIBC_.*|PYTHON(?!PATH$).*")
_PODIUMS: Final = re.compile(r"PODIUM_.*|TMPDIR|TEMP|TMP")
_EVERY: Final = "*"
# A model that nobody has named.
_NOBODY: Final = ModelRef("", "")


class BadSurroundings(Exception):
    """One line that says what is wrong with what models are to be given."""


@dataclass(frozen=True, slots=True)
class GivenToModels:
    """What each model is given, by its name; `of_others` where it is not there.

    `absent` are the variables that were named and are not set.
    """

    of_models: Mapping[str, Surroundings] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    of_others: Surroundings = field(default_factory=Surroundings)

    def of(self, model: str) -> Surroundings:
        """What hosts of the model's versions are given."""
        return self.of_models.get(model, self.of_others)


def surroundings(settings: Settings, environment: Mapping[str, str]) -> GivenToModels:
    """As the settings and this environment say; raises `BadSurroundings`."""
    wishes = [_wish(text, settings) for text in settings.model_environment]
    configs = _configs(settings, environment)

    def given_to(ref: ModelRef) -> Surroundings:
        names = [name for whom, name in wishes if _is_meant(ref, whom)]
        return Surroundings(_variables(names, environment), _config_of(ref, configs))

    of_models: dict[str, Surroundings] = {}
    for ref in (*settings.refs, *_found(settings, [*configs, *(whom for whom, _ in wishes)])):
        given = given_to(ref)
        if of_models.setdefault(ref.name, given) != given:
            raise BadSurroundings(
                f"PODIUM_MODEL_ENVIRONMENT, PODIUM_MODEL_CONFIG_FILE: all slots of {ref.name} "
                "share the processes of a version, so all or none must be given the same: name "
                f"{ref.name} without an alias"
            )
    absent = sorted({name for _, name in wishes if name not in environment})
    return GivenToModels(of_models, tuple(absent), given_to(_NOBODY))


def _found(settings: Settings, whom: Iterable[str]) -> Iterator[ModelRef]:
    """What patterns may find of the models that are named: as named, and as each pattern has it."""
    for each in sorted(whom):
        name, _, alias = each.rpartition("@")
        for pattern in settings.patterns:
            if pattern.matches(name, alias):
                yield ModelRef(name, alias)
            meant = [model for model in (each, name) if pattern.matches_name(model)]
            yield from (ModelRef(model, pattern.alias) for model in meant)


def _wish(text: str, settings: Settings) -> tuple[str, str]:
    """For whom, and which variable."""
    whom, _, name = text.rpartition(":")
    problem = None
    if not _NAME.fullmatch(name):
        problem = "write NAME, MODEL:NAME or MODEL@ALIAS:NAME"
    elif _TOO_LATE.fullmatch(name):
        problem = f"{name} is read when a process starts, which models cannot be given"
    elif _PODIUMS.fullmatch(name):
        problem = f"{name} is Podium's own"
    elif whom and not _may_be_followed(whom, settings):
        problem = f"this service follows no {whom}"
    if problem:
        raise BadSurroundings(f"PODIUM_MODEL_ENVIRONMENT: {text!r}: {problem}")
    return whom or _EVERY, name


def _is_meant(ref: ModelRef, whom: str) -> bool:
    return whom in {_EVERY, ref.name, str(ref)}


def _may_be_followed(whom: str, settings: Settings) -> bool:
    if any(_is_meant(ref, whom) for ref in settings.refs):
        return True
    name, _, alias = whom.rpartition("@")
    return any(each.matches_name(whom) or each.matches(name, alias) for each in settings.patterns)


def _variables(names: Collection[str], environment: Mapping[str, str]) -> Mapping[str, str]:
    wanted = {*_OF_EVERY_MODEL, *names}
    return {name: environment[name] for name in sorted(wanted) if name in environment}


def _configs(settings: Settings, environment: Mapping[str, str]) -> Mapping[str, str | None]:
    """JSON text by whom it is for."""
    general = settings.model_configuration
    if general is None and environment.get(_MLFLOWS_CONFIG):
        general = _object(_MLFLOWS_CONFIG, environment[_MLFLOWS_CONFIG])
    return {_EVERY: general, **dict(_configs_in(settings.model_config_file, settings))}


def _configs_in(path: Path | None, settings: Settings) -> Iterator[tuple[str, str]]:
    if path is None:
        return
    source = "PODIUM_MODEL_CONFIG_FILE"
    try:
        text = path.read_text()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadSurroundings(f"{source}: {str(path)!r} cannot be read: {reason}") from None
    for whom, config in json.loads(_object(source, text)).items():
        if whom != _EVERY and not _may_be_followed(whom, settings):
            raise BadSurroundings(f"{source}: this service follows no {whom!r}")
        if not isinstance(config, dict):
            raise BadSurroundings(f"{source}: what stands under {whom!r} must be a JSON object")
        yield whom, json.dumps(config)


def _object(source: str, text: str) -> str:
    if not is_object(text):
        raise BadSurroundings(f"{source}: must be a JSON object")
    return text


def _config_of(ref: ModelRef, configs: Mapping[str, str | None]) -> str | None:
    for whom in (str(ref), ref.name, _EVERY):
        if whom in configs:
            return configs[whom]
    return None
