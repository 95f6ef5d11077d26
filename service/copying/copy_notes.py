"""What an operator should know beside where the copy is, as sentences."""

from collections.abc import Sequence

from service.copying.target_files import LeftFiles


def notes_of_left(left: LeftFiles, experiment: str) -> Sequence[str]:
    """Of what is still in the experiment, of copies of one version."""
    notes: list[str] = []
    if left.unfinished:
        notes.append(
            f"{left.unfinished} unfinished copies are left in the experiment {experiment}: this "
            "account may not remove them"
        )
    if left.sending:
        notes.append(
            f"{left.sending} copies of other files of the source, begun within the hour, may still "
            f"be sent to the experiment {experiment}: what is older is removed by a later call"
        )
    if left.whole:
        notes.append(
            f"{', '.join(left.whole)} in the experiment {experiment} have files that an "
            "earlier copy has left, and no version that this account may read has them: "
            "MlflowClient().delete_logged_model removes them, once you know of no other"
        )
    return notes


def note_of_made_model(name: str) -> str:
    """It was not there before."""
    return (
        f"the model {name} was not there, and was made: with accounts on the server, this one may "
        "MANAGE it, and others need grants"
    )


def note_of_made_experiment(name: str) -> str:
    """It was not there before."""
    return (
        f"the experiment {name} was not there, and was made: with accounts on the server, this one "
        "may MANAGE it; who serves the copy needs READ there, and whoever may EDIT it may alter "
        "the files"
    )
