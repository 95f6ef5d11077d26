"""A host forgets Podium before it loads a model, so that the model's own modules are found (P9)."""

import sys
import types
from pathlib import Path
from typing import Final

_OURS: Final = ("service", "training", "tests")
_REPOSITORY: Final = Path(__file__).resolve().parents[2]
_podiums_modules: list[str] = []


def note_podiums_modules() -> None:
    """Notes what `leave_podium` has to forget: to be called once all of it is imported.

    To walk through thousands of modules counts references to each name, and so writes to memory
    that hosts share: six megabytes of each. So the zygote does it before it forks.
    """
    _podiums_modules[:] = [name for name in sys.modules if name.partition(".")[0] in _OURS]


def leave_podium() -> None:
    """After this, `import service` finds what the model ships, or nothing.

    What was imported since `note_podiums_modules` stays. Code that is loaded already keeps working:
    functions hold their modules' globals.
    """
    for name in _podiums_modules:
        del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.path[:] = [entry for entry in sys.path if not is_podiums(Path(entry))]
    sys.argv[:] = ["host"]
    # Compiled modules beside the model's own would make another artifact of what was verified.
    sys.dont_write_bytecode = True


def is_podiums(folder: Path) -> bool:
    """Whether Podium's own modules are found there."""
    return folder.resolve() == _REPOSITORY
