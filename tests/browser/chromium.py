"""The browser of these tests: found, or installed where this account may install Debian's packages.

As a command it says which one it is, or why there is none, with exit status 1: tests of a browser
that is not there have not passed.
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Without a font letters are boxes; Liberation is what most pages on Debian are seen in.
_PACKAGES = ("chromium", "fonts-liberation")
_APT = ("apt-get", "--quiet", "--quiet", "--yes", "--no-install-recommends")
_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
_SECONDS = 900


def found() -> str | None:
    """The browser that `TEST_CHROMIUM` names, or the first one of the path."""
    named = os.environ.get("TEST_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


def install() -> str | None:
    """Why Debian's Chromium could not be installed; None where it was."""
    if shutil.which("apt-get") is None:
        return "this system has no apt-get"
    if os.geteuid() != 0:
        return "only root may install it: apt-get install chromium"
    for words in (("update",), ("install", *_PACKAGES)):
        done = subprocess.run(
            [*_APT, *words],
            env=os.environ | _QUIET,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        if done.returncode:
            return f"apt-get {words[0]} ended with {done.returncode}: {done.stderr[-2000:]}"
    return None


def main() -> None:
    """Prints the browser's path, after it was installed where it was not there."""
    reason = None if found() else install()
    browser = found()
    if browser is None:
        sys.exit(f"The console's tests need Chromium, and there is none: {reason}.")
    print(f"Browser: {browser}")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
