"""The database that `tests/models/writing.py` opens."""

import sqlite3
from contextlib import closing
from pathlib import Path


def base_of(folder: Path, value: float) -> Path:
    """A new one that holds this number."""
    path = folder / "base.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table loads (number integer)")
        database.execute("create table base (value real)")
        database.execute("insert into base values (?)", (value,))
        database.commit()
    return path
