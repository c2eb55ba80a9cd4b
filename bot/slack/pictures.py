"""What a picture is called, and what is to be seen on it, for those who do not see it and everybody else. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.runs.plots import CURVES, Confusion, Lines, Plot, Series
from bot.slack import words

LONGEST_CAPTION = 900
"""Characters of what is said of a picture."""
_WORST = 3


def title(name: str, of: str) -> str:
    """`Learning curves of v1.0.0`."""
    what = "Learning curves" if name.startswith(CURVES) else "Confusion matrix"
    return f"{what} of {words.clean(of)[:80]}"


def caption(plots: Sequence[Plot]) -> str:
    """What is to be seen, in sentences that are safe as mrkdwn."""
    said = " ".join(_lines(plot) if isinstance(plot, Lines) else _confusion(plot) for plot in plots)
    return words.escape(said, LONGEST_CAPTION)


def _lines(plot: Lines) -> str:
    return f"{plot.title}: {plot.y} over {plot.x}, {words.listing([_from_to(series) for series in plot.series[:6]])}."


def _from_to(series: Series) -> str:
    first, last = series.points[0][1], series.points[-1][1]
    return f"{series.name} from {words.number(first)} to {words.number(last)}"


def _confusion(plot: Confusion) -> str:
    total = sum(map(sum, plot.counts))
    right = sum(row[at] for at, row in enumerate(plot.counts))
    mistakes = sorted(
        ((count, plot.labels[x], plot.labels[y]) for x, row in enumerate(plot.counts) for y, count in enumerate(row)
         if count and x != y),
        key=lambda each: -each[0],
    )  # fmt: skip
    said = f"{plot.title}: {plot.x} and {plot.y} are the same for {right:,} of {total:,}."
    if mistakes:
        worst = [f"{one} with {other} ({words.plural(count, 'time')})" for count, one, other in mistakes[:_WORST]]
        said += f" Most often apart: {plot.x} {words.listing(worst)}."
    return said
