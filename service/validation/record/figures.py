"""Pictures of a validation, drawn without a display and without global state."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from service.validation.policy.quality_bounds import MetricBounds
from service.validation.quality.bounds import greater_is_better
from service.validation.quality.found import PartScores, Quality
from service.validation.quality.predicted import Predicted
from service.validation.record.trial_record import LoadSamples, TrialRecord

_OURS, _THEIRS, _BOUND = "tab:blue", "tab:orange", "tab:red"
# Of more classes nobody reads the numbers, of more slices nobody the bars.
_MOST_CLASSES: Final = 25
_MOST_PARTS: Final = 40
_MOST_POINTS: Final = 5000
_MILLION: Final = 1_000_000


def figures_of(record: TrialRecord) -> Mapping[str, Figure]:
    """By the name of a file: what there is something to draw of."""
    return {name: drawn for name, drawn in _drawn(record) if drawn is not None}


def _drawn(record: TrialRecord) -> Iterator[tuple[str, Figure | None]]:
    titles = (str(record.version), None if record.against is None else str(record.against))
    if record.quality is not None:
        yield "predictions.png", predictions_figure(record.quality, titles)
        for metric in _bounded(record.quality.parts):
            yield f"metric_{metric}.png", parts_figure(record.quality.parts, metric, titles)
    yield "latency.png", latency_figure(record.load, titles)
    most = record.in_force.policy.memory.max_bytes
    yield "memory.png", memory_figure(record.load, titles[0], most)


Titles = tuple[str, str | None]


def predictions_figure(quality: Quality, titles: Titles) -> Figure | None:
    """Counts by label and prediction, or errors by label, of both versions side by side."""
    found = [each for each in (quality.ours, quality.theirs) if each is not None]
    if quality.truth is None or quality.scored_as is None or not found:
        return None
    draw = _residuals
    if quality.scored_as.task == "classifier":
        if len(quality.scored_as.classes) > _MOST_CLASSES:
            return None
        draw = _confusion
    return _side_by_side(quality, found, titles, draw)


def _side_by_side(
    quality: Quality,
    found: Sequence[Predicted],
    titles: Titles,
    draw: Callable[[Axes, Quality, Predicted], None],
) -> Figure:
    classes = () if quality.scored_as is None else quality.scored_as.classes
    side = max(4.5, 0.55 * len(classes) + 2)
    figure = Figure(figsize=(side * len(found), side), layout="constrained")
    places = figure.subplots(1, len(found), squeeze=False, sharey=True)[0]
    for axes, each, title in zip(places, found, titles, strict=False):
        draw(axes, quality, each)
        axes.set_title(title or "")
    return figure


def _confusion(axes: Axes, quality: Quality, found: Predicted) -> None:
    classes = list(quality.scored_as.classes) if quality.scored_as is not None else []
    place = {each: at for at, each in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), int)
    truth: Any = quality.truth
    for row, value in found.predictions.items():
        counts[place[truth[row]], place[value]] += 1
    axes.imshow(counts, cmap="Blues")
    names = [str(each)[:20] for each in classes]
    axes.set_xticks(range(len(names)), names, rotation=45 if len(names) > 2 else 0, ha="right")  # noqa: PLR2004 - two fit
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="label")
    for at, count in np.ndenumerate(counts):
        colour = "white" if count > counts.max() / 2 else "black"
        axes.text(at[1], at[0], str(count), ha="center", va="center", color=colour)


def _residuals(axes: Axes, quality: Quality, found: Predicted) -> None:
    rows = list(found.predictions.index)
    step = max(1, len(rows) // _MOST_POINTS)
    rows = rows[::step]
    truth: Any = quality.truth
    labels = truth.loc[rows].astype(float)
    axes.scatter(labels, found.predictions.loc[rows].astype(float) - labels, s=8, alpha=0.5)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="label", ylabel="prediction minus label")


def _bounded(parts: Sequence[PartScores]) -> Sequence[str]:
    """Metrics that are asked for anywhere, where there is more than one part to compare."""
    if len(parts) <= 1:
        return ()
    return list(dict.fromkeys(name for part in parts for name in part.bounds))


def parts_figure(parts: Sequence[PartScores], metric: str, titles: Titles) -> Figure | None:
    """One metric by slice: a bar for each version, and what is asked for."""
    shown = [part for part in parts if metric in part.ours][:_MOST_PARTS]
    if not shown:
        return None
    figure = Figure(figsize=(8, 1.6 + 0.55 * len(shown)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(shown))
    axes.barh(
        places - 0.19, [part.ours[metric] for part in shown], 0.36, color=_OURS, label=titles[0]
    )
    if titles[1] is not None:
        others = [part.theirs.get(metric, np.nan) for part in shown]
        axes.barh(places + 0.19, others, 0.36, color=_THEIRS, label=titles[1])
    _draw_bounds(axes, shown, metric)
    axes.set_yticks(places, [_part_title(part) for part in shown])
    axes.invert_yaxis()
    axes.set(xlabel=metric)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
    return figure


def _part_title(part: PartScores) -> str:
    return f"{'all rows' if part.label is None else part.label[:40]} ({part.rows})"


def _draw_bounds(axes: Axes, shown: Sequence[PartScores], metric: str) -> None:
    label: str | None = "asked for"
    for place, part in enumerate(shown):
        for bound in _asked(part.bounds.get(metric), part.theirs.get(metric), metric):
            axes.plot([bound] * 2, [place - 0.42, place], color=_BOUND, label=label)
            label = None


def _asked(bounds: MetricBounds | None, other: float | None, metric: str) -> Iterator[float]:
    if bounds is None:
        return
    if bounds.threshold is not None:
        yield bounds.threshold
    if other is None:
        return
    sign = 1 if greater_is_better(metric, bounds) else -1
    if bounds.min_absolute_change is not None:
        yield other + sign * bounds.min_absolute_change
    if bounds.min_relative_change is not None:
        yield other + sign * bounds.min_relative_change * abs(other)


def latency_figure(load: LoadSamples, titles: Titles) -> Figure | None:
    """Of each kind of request: which part of them took at most so long."""
    kinds = [kind for kind, times in load.ours.items() if times]
    if not kinds:
        return None
    figure = Figure(figsize=(5.5 * len(kinds), 4), layout="constrained")
    for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        _draw_times(axes, load.ours[kind], _OURS, titles[0])
        if load.theirs.get(kind):
            _draw_times(axes, load.theirs[kind], _THEIRS, titles[1] or "the other")
        axes.set(xscale="log", xlabel="milliseconds", ylabel="part of the requests", ylim=(0, 1.02))
        axes.set_title(kind.replace("_", " "))
        for formatted in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
            formatted(StrMethodFormatter("{x:g}"))
        axes.tick_params(axis="x", which="both", labelrotation=45)
        axes.grid(visible=True, which="both", alpha=0.2)
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.3), frameon=False)
    return figure


def _draw_times(axes: Axes, times: Sequence[float], colour: str, title: str) -> None:
    ordered = 1000 * np.sort(np.asarray(times))
    middle, late = np.percentile(ordered, [50, 99])
    label = f"{title}: p50 {middle:.3g}, p99 {late:.3g} ms"
    parts = np.arange(1, len(ordered) + 1) / len(ordered)
    axes.step(ordered, parts, where="post", color=colour, label=label)
    axes.plot([middle, late], [0.5, 0.99], "o", color=colour, markersize=4)


def memory_figure(load: LoadSamples, title: str, most: float | None) -> Figure | None:
    """What the largest host of the version held while it was under load."""
    if not load.memory:
        return None
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    seconds = load.look_seconds * np.arange(len(load.memory))
    axes.plot(seconds, np.asarray(load.memory) / _MILLION, color=_OURS, label=title)
    if most is not None:
        axes.axhline(most / _MILLION, color=_BOUND, label="allowed")
    axes.set(xlabel="seconds under load", ylabel="MB of one host")
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower right")
    return figure
