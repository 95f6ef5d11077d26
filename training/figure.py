"""The confusion matrix as a picture, drawn without a display and without global state."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.classifier import Evaluation


def confusion_figure(evaluation: Evaluation) -> Figure:
    """Counts by true class (rows) and predicted class (columns)."""
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(evaluation.confusion, cmap="Blues")
    figure.colorbar(image, ax=axes, label="flowers")
    _name_axes(axes, evaluation.class_names)
    _write_counts(axes, evaluation)
    return figure


def _name_axes(axes: Axes, names: tuple[str, ...]) -> None:
    ticks = range(len(names))
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, names)
    axes.set(xlabel="predicted", ylabel="true", title="Confusion matrix, test rows")


def _write_counts(axes: Axes, evaluation: Evaluation) -> None:
    half = evaluation.confusion.max() / 2
    for row, counts in enumerate(evaluation.confusion):
        for column, count in enumerate(counts):
            colour = "white" if count > half else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
