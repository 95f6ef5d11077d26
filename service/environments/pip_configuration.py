"""pip's configuration, which uv does not read: files of all levels, then `PIP_*`.

As pip has it (`pip config debug` lists the files): global, user, site, `PIP_CONFIG_FILE`, each
before the ones that come earlier; `[install]` of any before `[global]` of all; variables first.
"""

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

_FILE: Final = "pip.conf"
_SECTIONS: Final = ("global", "install")
_PREFIX: Final = "PIP_"
_NAMED: Final = "PIP_CONFIG_FILE"
_MOST_BYTES: Final = 256 * 1024


def pip_configuration(environment: Mapping[str, str]) -> dict[str, str]:
    """Options by their long names, as `index-url`; a file that cannot be read says nothing."""
    found: dict[str, str] = {}
    if environment.get(_NAMED) != os.devnull:
        parsers = [_parser(path) for path in _files(environment)]
        for section in _SECTIONS:
            for parser in parsers:
                found.update(_options(parser, section))
    for name, value in environment.items():
        if name.startswith(_PREFIX) and value and name != _NAMED:
            found[_normal(name.removeprefix(_PREFIX))] = value
    return found


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    """The last one counts most."""
    folders = environment.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    yield from (Path(each, "pip", _FILE) for each in reversed(folders.split(os.pathsep)) if each)
    yield Path("/etc", _FILE)
    named = environment.get(_NAMED)
    home = environment.get("HOME")
    # A user's own is not read where a file is named that is there.
    if home and not (named and Path(named).exists()):
        yield Path(home, ".pip", _FILE)
        yield Path(environment.get("XDG_CONFIG_HOME") or Path(home, ".config"), "pip", _FILE)
    yield Path(sys.prefix, _FILE)
    if named:
        yield Path(named)


def _parser(path: Path) -> configparser.RawConfigParser:
    """Of the file; empty where that cannot be read."""
    parser = configparser.RawConfigParser()
    try:
        with path.open(encoding="utf-8") as file:
            parser.read_string(file.read(_MOST_BYTES))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return configparser.RawConfigParser()
    return parser


def _options(parser: configparser.RawConfigParser, section: str) -> Mapping[str, str]:
    if not parser.has_section(section):
        return {}
    return {_normal(name): value for name, value in parser.items(section) if value}


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")
