"""`python -m tests.platform [PART ...]`: runs each part, prints what it came to; 1 if one fails."""

import importlib.util
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.platform.behind_nginx import behind_nginx
from tests.platform.ground import Ground, new_model
from tests.platform.parts import PARTS
from tests.support.tracking import migrate

# Run as programs of their own, where they are there: exit status and output are theirs.
_PROGRAMS = ("tests.platform.two_hundred",)
Part = Callable[[Ground], str]


def main() -> int:
    """The exit status."""
    parts: dict[str, Part] = {"behind nginx": behind_nginx, **PARTS}
    wanted = sys.argv[1:] or [*parts]
    with tempfile.TemporaryDirectory(prefix="podium-platform-") as place:
        folder = Path(place)
        migrated, model = migrate(folder), new_model(folder)
        passed = [
            _run(name, parts[name], Ground(_made(folder / name.replace(" ", "-")), migrated, model))
            for name in wanted
        ]
    if not sys.argv[1:]:
        passed += [_run_program(each) for each in _PROGRAMS if _is_there(each)]
    print(f"{sum(passed)} passed, {len(passed) - sum(passed)} failed")
    return 0 if all(passed) else 1


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _run(name: str, part: Part, ground: Ground) -> bool:
    begun = time.monotonic()
    try:
        words, passed = part(ground), True
    except Exception as error:  # noqa: BLE001 - told, and the others run
        traceback.print_exc()
        words, passed = f"{type(error).__name__}: {error}", False
    seconds = time.monotonic() - begun
    print(f"{'ok    ' if passed else 'FAILED'} {name} ({seconds:.0f} s): {words}", flush=True)
    return passed


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _run_program(module: str) -> bool:
    return subprocess.run([sys.executable, "-m", module], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
