"""One digest of a whole artifact, which is the same wherever and whenever it was fetched."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from service.registry.store.manifest import digests

# MLflow writes it into a version's folder when that is copied or fetched: name and number, no model
# (mlflow/store/artifact/models_artifact_repo.py).
_OF_REGISTRY: Final = frozenset({"registered_model_meta"})


def digest_of(manifest: Path) -> str:
    """The SHA-256 of every file's path and content, of 64 hexadecimal digits.

    Read from the manifest of an artifact in the cache, which has been compared with its files.
    Raises `Altered` for a manifest that cannot be read, and OSError.
    """
    return combined(digests(manifest))


def combined(files: Mapping[str, str]) -> str:
    """The same of the SHA-256 of each file, by its path in the artifact."""
    told = sorted((path, digest) for path, digest in files.items() if path not in _OF_REGISTRY)
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
