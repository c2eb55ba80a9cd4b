"""Two or three results beside one another: tables that fit a thread, of what differs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.ports import Message
from bot.runs import figures
from bot.runs.model import Run
from bot.slack import words
from bot.slack.blocks import mapping_of, number_of, section, table

WIDTH = 45
"""Characters of a line in a thread; Slack breaks what is wider."""
METRICS_SHOWN, PARAMS_SHOWN, DATA_SHOWN, FILES_SHOWN = 8, 8, 5, 8
_CELL, _NARROW_CELL, _LEAST_NAME = 12, 10, 8
_MISSING = "none"

Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Other:
    """Another result: its tag, the branch that it is of, and the figures of it that are known."""

    tag: str
    branch: str
    metrics: Figures
    params: Figures


def metrics(tag: str, now: Figures, others: Sequence[Other] = (), *, shown: int = METRICS_SHOWN) -> str:
    """The metrics of a release, and how far each is from those of others; empty without metrics."""
    if not now:
        return ""
    compared = [other for other in others if other.metrics]
    rows = [["", tag, *(f"vs {other.tag}" for other in compared)]] if compared else []
    for name, value in list(now.items())[:shown]:
        moved = [words.change(value, other.metrics[name]) if name in other.metrics else "new" for other in compared]
        rows.append([name, words.number(value), *moved])
    more = len(now) - shown
    return fitted(rows) + (f"\n_and {more:,} more on the release page_" if more > 0 else "")


def params(tag: str, now: Figures, others: Sequence[Other], *, shown: int = PARAMS_SHOWN) -> str:
    """The parameters in which a release differs from any of the others; empty where none does.

    `now` has all of them; those of an `Other` are the ones that differ from `now`.
    """
    names = list(dict.fromkeys(name for other in others for name in other.params))
    if not names:
        return ""
    rows = [["", tag, *(other.tag for other in others)]]
    for name in names[:shown]:
        theirs = [_value(other.params[name]) if name in other.params else "same" for other in others]
        rows.append([name, _value(now.get(name)), *theirs])
    more = len(names) - shown
    return f"*Parameters that differ*\n{fitted(rows)}" + (f"\n_and {more:,} more_" if more > 0 else "")


def whose(others: Sequence[Other]) -> str:
    """Which releases the columns are of, and why those; empty where there is no column."""
    shown = [other for other in others if other.metrics or other.params]
    said = [f"{words.code(it.tag, 80)}, the last release of {words.code(it.branch, 80)}" for it in shown]
    return f"Compared with {', and '.join(said)}." if said else ""


def two(one: Run, other: Run) -> list[str]:
    """The first result beside the second, which counts as the newer one: metrics, parameters and data, a text each."""
    return [text for text in (_both_metrics(one, other), _both_params(one, other), _both_data(one, other)) if text]


def heading(one: Run, other: Run) -> str:
    """`*v1.0.0* (run 1, main) beside *v1.1.0* (run 7, feature/wide)`."""
    return " beside ".join(
        f"*{words.escape(run.tag, 80)}* (run {run.id}, {words.code(run.branch, 80)})" for run in (one, other)
    )


def comparison(one: Run, other: Run, facts: Figures, *, key: str = "") -> Message:
    """What the engine found out of two results (bot/engine/errands.py), with the tables where they are wanted."""
    said = [*(two(one, other) if facts.get("tables") else []), _code(one, other, mapping_of(facts, "code"))]
    title = heading(one, other)
    return Message(key, words.cut(f"{title}: {said[-1]}", 1_000), [section(text) for text in (title, *said)])


def _code(one: Run, other: Run, code: Figures) -> str:
    if code.get("unknown"):
        return f"*Code*: it could not be compared. {words.escape(str(code['unknown']), 500)}"
    count = number_of(code, "count") or 0
    said = f"*Code*: {_commits(one, other, code)}"
    if count:
        files = [words.code(str(path), 80) for path in list(code.get("files") or ())[:FILES_SHOWN]]
        more = [f"{count - len(files):,.0f} more"] if count > len(files) else []
        least = "at least " if code.get("more") else ""
        said += f", {least}{words.plural(round(count), 'file')} not the same: {words.listing([*files, *more])}."
    elif code.get("more"):
        said += ", and more differs than GitLab lists."
    else:
        said += ", all files the same."
    url = str(code.get("url") or "")
    return f"{said} {words.link(url, 'GitLab shows them')}" if url and (count or code.get("more")) else said


def _commits(one: Run, other: Run, code: Figures) -> str:
    """How many commits lie between the two, in words that also fit branches that have parted."""
    only = [
        f"{words.plural(round(number), 'commit')} only in {words.code(run.tag, 80)}"
        for run, number in ((other, number_of(code, "commits") or 0), (one, number_of(code, "back") or 0))
        if number
    ]
    return words.listing(only) or "no commit apart"


def fitted(rows: Sequence[Sequence[str]]) -> str:
    """A table in which the columns beside the first are cut, and then the first, until a line fits."""
    columns = max(map(len, rows))
    most = _CELL if columns <= 3 else _NARROW_CELL  # noqa: PLR2004 - a name and two values leave room
    cut = [[squeezed(cell, WIDTH if at == 0 else most) for at, cell in enumerate(row)] for row in rows]
    widths = [max((len(row[at]) for row in cut if at < len(row)), default=0) for at in range(1, columns)]
    left = max(_LEAST_NAME, WIDTH - sum(width + 2 for width in widths))
    return table([[squeezed(row[0], left), *row[1:]] for row in cut])


def squeezed(text: str, width: int) -> str:
    """A name on one line in at most that many characters; its middle is left out, since names differ at their ends."""
    line = " ".join(words.clean(text).split())
    if len(line) <= width:
        return line
    front = (width - 1) // 2
    return f"{line[:front]}…{line[front + 1 - width :]}"


def _value(value: Any) -> str:
    return _MISSING if value is None else words.number(value)


def _both_metrics(one: Run, other: Run) -> str:
    before, now = figures.metrics(one), figures.metrics(other)
    names = list(dict.fromkeys([*now, *before]))
    if not names:
        return ""
    rows = [["", one.tag, other.tag, "change"]]
    for name in names[:METRICS_SHOWN]:
        moved = words.change(now.get(name), before.get(name))
        rows.append([name, _value(before.get(name)), _value(now.get(name)), moved])
    more = len(names) - METRICS_SHOWN
    return f"*Metrics*\n{fitted(rows)}" + (f"\n_and {more:,} more on the release pages_" if more > 0 else "")


def _both_params(one: Run, other: Run) -> str:
    before, now = figures.params(one), figures.params(other)
    names = figures.differing(before, now)
    if not names:
        return "*Parameters*: the same." if before else ""
    rows = [["", one.tag, other.tag]]
    rows += [[name, _value(before.get(name)), _value(now.get(name))] for name in names[:PARAMS_SHOWN]]
    more = len(names) - PARAMS_SHOWN
    return f"*Parameters that differ*\n{fitted(rows)}" + (f"\n_and {more:,} more_" if more > 0 else "")


def _both_data(one: Run, other: Run) -> str:
    before, now = figures.data(one), figures.data(other)
    if not before and not now:
        return ""
    names = figures.differing(before, now)
    if not names:
        return "*Data*: the same."
    more = [f"{len(names) - DATA_SHOWN:,} more"] if len(names) > DATA_SHOWN else []
    return f"*Data that differs*: {words.listing([*(words.code(name) for name in names[:DATA_SHOWN]), *more])}"
