"""Opens its own database in write-ahead mode, and dies, or alters its files, when it is told to."""

import os
import sqlite3
from pathlib import Path

import mlflow

DEADLY, DELETED, REPLACED, APPENDED, CLOSED = -1.0, -2.0, -3.0, -4.0, -5.0


class Writing(mlflow.pyfunc.PythonModel):
    """Answers the sum of each row and of what its database holds."""

    def load_context(self, context):
        self._path = Path(context.artifacts["database"])
        self._database = sqlite3.connect(self._path, check_same_thread=False)
        self._database.execute("pragma journal_mode=wal")
        self._database.execute("insert into loads values (1)")
        self._database.commit()
        (base,) = self._database.execute("select value from base").fetchone()
        self._base = base

    def predict(self, context, model_input):
        first = model_input["x"].iloc[0]
        beside = self._path.parent / "beside"
        if first == DEADLY:
            os._exit(3)
        if first == DELETED:
            beside.unlink(missing_ok=True)
        if first == REPLACED:
            other = beside.with_name("other")
            other.write_text("other")
            other.replace(beside)
        if first == APPENDED:
            with self._path.open("ab") as file:
                file.write(b"more")
        if first == CLOSED:
            self._path.chmod(0o400)
            beside.parent.chmod(0o500)
        return (model_input["x"] + self._base).tolist()


mlflow.models.set_model(Writing())
