"""What came of making a release again (the `compared` event, trainer/events.py), in words and tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.runs.model import Run
from bot.slack import words
from bot.slack.blocks import mapping_of, number_of
from bot.slack.comparing import fitted

OUTS_SHOWN, METRICS_SHOWN, NAMED = 15, 8, 3

Facts = Mapping[str, Any]


def in_short(run: Run) -> str:
    """`Reproduced: all 6 outputs are equal`, or `2 of 6 outputs differ`."""
    outputs, different = _counts(run)
    if different:
        verb = "differs" if different == 1 else "differ"
        return f"{different:,} of {words.plural(outputs, 'output')} {verb}"
    return "Reproduced: " + ("its one output is equal" if outputs == 1 else f"all {outputs:,} outputs are equal")


def headline(run: Run) -> str:
    """The same with the first names: `2 of 6 outputs differ: model.keras; accuracy 0.93 → 0.94 (+0.01)`."""
    names = [words.code(str(out.get("path")), 80) for out in _outs(run) if not out.get("equal")]
    moved = [_moved(metric) for metric in _metrics(run)]
    told = [", ".join(_first(names)), *_first(moved)]
    said = "; ".join(part for part in told if part)
    return in_short(run) + (f": {said}" if said else "")


def tables(run: Run) -> list[str]:
    """Output by output, and the metrics that are others; in mrkdwn."""
    return [text for text in (_table_of_outs(run), _table_of_metrics(run)) if text]


def _table_of_outs(run: Run) -> str:
    outs = _outs(run)
    if not outs:
        return ""
    rows = [[str(out.get("path")), "equal" if out.get("equal") else "differs", _grown(out)] for out in outs]
    shown = rows[:OUTS_SHOWN]
    more = _counts(run)[0] - len(shown)
    return fitted(shown) + (f"\n_and {more:,} more_" if more > 0 else "")


def _table_of_metrics(run: Run) -> str:
    metrics = _metrics(run)
    if not metrics:
        return ""
    rows = [["", run.tag, "again", "change"]]
    for metric in metrics[:METRICS_SHOWN]:
        before, now = metric.get("before"), metric.get("now")
        rows.append([str(metric.get("name")), _value(before), _value(now), words.change(now, before)])
    more = round(number_of(_compared(run), "metrics_different") or 0) - (len(rows) - 1)
    return f"*Metrics that differ*\n{fitted(rows)}" + (f"\n_and {more:,} more_" if more > 0 else "")


def _moved(metric: Facts) -> str:
    """`accuracy 0.93 → 0.94 (+0.01)`."""
    before, now = metric.get("before"), metric.get("now")
    change = words.change(now, before)
    said = f"{metric.get('name')} {_value(before)} → {_value(now)}" + (f" ({change})" if change else "")
    return words.escape(said, 120)


def _grown(out: Facts) -> str:
    """How much larger or smaller an output became; empty for one that is equal."""
    now, before = number_of(out, "size"), number_of(out, "size_before")
    if out.get("equal") or now is None or before is None:
        return ""
    return f"{now - before:+,.0f} B" if now != before else "same size"


def _first(items: Sequence[str]) -> list[str]:
    more = [f"{len(items) - NAMED:,} more"] if len(items) > NAMED else []
    return [*items[:NAMED], *more]


def _value(value: Any) -> str:
    return "none" if value is None else words.number(value)


def _counts(run: Run) -> tuple[int, int]:
    compared = _compared(run)
    return round(number_of(compared, "outputs") or 0), round(number_of(compared, "different") or 0)


def _outs(run: Run) -> list[Facts]:
    return _records(run, "outs")


def _metrics(run: Run) -> list[Facts]:
    return _records(run, "metrics")


def _records(run: Run, name: str) -> list[Facts]:
    found = _compared(run).get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list | tuple) else []


def _compared(run: Run) -> Facts:
    return mapping_of(run.result, "compared")
