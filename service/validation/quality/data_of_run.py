"""Where a training leaves its test set, so that `--data-of-run` finds it.

`training.record` says the same, for it can be run without the service; a test compares them.
"""

from typing import Final

DATA: Final = "evaluation/data.parquet"
"""The rows, with their labels, as an artifact of the run that has made the version."""
DESCRIPTION: Final = "evaluation/data.json"
"""ComparedWith them: a JSON object."""
LABEL: Final = "label"
"""Its key that names the column of the labels."""
