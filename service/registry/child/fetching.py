"""A version's artifact, fetched into the cache or found there: whole, as listed, and described."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import mlflow.artifacts
from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from service.registry.child.description import Unreadable, describe
from service.registry.child.faults import RegistryFault, asked, fault_of_download
from service.registry.child.input_example import InputExample, fitting, read_input_example
from service.registry.child.logged_environment import logged_environment
from service.registry.child.versions import still_there, tags_of
from service.registry.store.artifacts import ArtifactCache, Kept, is_place
from service.registry.store.eviction import make_room
from service.registry.store.locks import Lock
from service.registry.store.manifest import Altered, NotPlain, file_lengths
from service.registry.wire import Fault

Told = tuple[dict[str, Any], bytes]
# What each host of a version copies for itself in a few hundredths of a second. More is shared by
# them until it turns out that they write there: a model that is mapped into memory is there once.
_COPIED_BYTES: Final = 64 * 1024**2
# Until this process is ended, by when the front has taken locks of its own.
_HELD: Final[list[Lock]] = []


def fetch(wanted: Mapping[str, Any]) -> Told:
    """The version's artifact in the cache. Raises `RegistryFault`."""
    client = MlflowClient()
    name, version = wanted["name"], wanted["version"]
    found = still_there(client, name, version, wanted["created"])
    source = asked(lambda: client.get_model_version_download_uri(name, version)) or ""
    kept = _kept(wanted, (name, wanted["created"], version, source), source)
    answer, example = _described(kept)
    return {
        **answer,
        "source": found.source or source,
        "tags": tags_of(found),
        "made": found.creation_timestamp,
    }, example


def find(wanted: Mapping[str, Any]) -> Told:
    """What lies at a place of the cache, without asking the registry. Raises `RegistryFault`."""
    if not is_place(wanted["place"]):
        raise RegistryFault(Fault.NOT_IN_CACHE, "no place in the cache")
    cache = Path(wanted["cache"])
    try:
        kept = ArtifactCache(cache).find(cache / wanted["place"])
    except Altered as error:
        raise RegistryFault(Fault.ALTERED, error) from error
    except OSError as error:
        raise RegistryFault(Fault.DISK, error) from error
    if kept is None:
        raise RegistryFault(Fault.NOT_IN_CACHE)
    return _described(kept)


def _described(kept: Kept) -> Told:
    _HELD.append(kept.lock)
    try:
        described = describe(kept.artifact)
        size, digest = sum(file_lengths(kept.artifact).values()), kept.digest
    except FileNotFoundError as error:
        raise RegistryFault(Fault.ARTIFACT_MISSING, error) from error
    except (OSError, NotPlain) as error:
        raise RegistryFault(Fault.DISK, error) from error
    except Unreadable as error:
        raise RegistryFault(Fault.ARTIFACT_UNREADABLE, error) from error
    except Altered as error:
        raise RegistryFault(Fault.ALTERED, error) from error
    example = example_of(kept.artifact, described)
    told = {
        "place": kept.place.name,
        "digest": digest,
        "example_trouble": example.trouble,
        "logged": logged_environment(kept.artifact, described["logged"]),
        "size": size,
        "own_copies": kept.written_to or size <= _COPIED_BYTES,
    }
    return {**described, **told}, example.request or b""


def example_of(artifact: Path, described: Mapping[str, Any]) -> InputExample:
    """What clients could send of the example of an artifact that says so of itself."""
    found = read_input_example(artifact, described["example"])
    if found.request is None or found.ready:
        # What MLflow has stored as a request must be one; the stager says so if it is none.
        return found
    hinted = described["from_type_hint"]
    request = fitting(found.request, described["signature"], from_type_hint=hinted)
    unfit = "No row of its input example fits its signature, so none could be tried."
    return InputExample(request, trouble=found.trouble if request else unfit)


def _kept(wanted: Mapping[str, Any], identity: tuple[str, int, str, str], source: str) -> Kept:
    cache = Path(wanted["cache"])

    def download(private: Path) -> Path:
        listed = _listed(source)
        make_room(cache, wanted["cache_bytes"], sum(listed.values()))
        found = _downloaded(source, private)
        # Checked before it is put into place, so that what is in place is a model.
        if not (found / "MLmodel").is_file():
            raise RegistryFault(Fault.ARTIFACT_MISSING, "no MLmodel file")
        _compare(listed, file_lengths(found))
        return found

    artifacts = ArtifactCache(cache)
    try:
        private = Path(wanted["private"])
        return artifacts.get(artifacts.place(identity), private, download, says=identity)
    except OSError as error:
        raise RegistryFault(Fault.DISK, error) from error
    except NotPlain as error:
        raise RegistryFault(Fault.NOT_FETCHED, error) from error


def _downloaded(source: str, private: Path) -> Path:
    try:
        return Path(mlflow.artifacts.download_artifacts(source, dst_path=str(private)))
    except Exception as error:  # every kind of store raises its own library's errors
        raise RegistryFault(fault_of_download(error), error) from error


def _listed(source: str) -> dict[str, int]:
    """The length of each file, by its path in the artifact, as far as its store tells them."""
    try:
        repository = get_artifact_repository(artifact_uri=source)
        lengths, waiting = dict[str, int](), [""]
        while waiting:
            folder = waiting.pop()
            for each in repository.list_artifacts(folder or None):
                if each.is_dir and each.path not in {".", folder}:
                    waiting.append(each.path)
                elif not each.is_dir and each.file_size is not None:
                    lengths[each.path] = each.file_size
    except Exception as error:  # as above
        raise RegistryFault(fault_of_download(error), error) from error
    return lengths


def _compare(listed: Mapping[str, int], found: Mapping[str, int]) -> None:
    wrong = sorted(path for path, length in listed.items() if found.get(path) != length)
    if wrong:
        raise RegistryFault(Fault.INCOMPLETE, f"not as long as its store says: {wrong[:3]}")
