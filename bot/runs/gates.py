"""Whether a result is good enough to be released: its metrics against gates and earlier releases. Pure."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.runs.model import Run
from trainer.definition.gates import Gate, is_number

Earlier = Sequence[tuple[str, Mapping[str, Any]]]
"""Tag and flat metrics of each release that counts."""


def failings(gates: Sequence[Gate], metrics: Mapping[str, Any], earlier: Earlier) -> list[str]:
    """Why the result must not be released by itself, a sentence each with names in back quotes; empty when it may.

    `metrics` are flat, as `figures.metrics` has them. A metric that is missing or no number fails its gate. Each metric
    is compared with the best value that any of `earlier` has; where none has one there is nothing to compare.
    """
    return [sentence for gate in gates for sentence in _failing(gate, metrics, earlier)]


def is_held_back(run: Run) -> bool:
    """Whether its release has to wait for somebody: a gate failed, and nobody said that it may go on all the same."""
    return bool(failed_gates(run)) and "approval" not in run.result


def failed_gates(run: Run) -> list[str]:
    """The sentences that `failings` had for the run; empty before it was judged."""
    found = run.progress.get("gate")
    return [str(sentence) for sentence in found] if isinstance(found, list) else []


def _failing(gate: Gate, metrics: Mapping[str, Any], earlier: Earlier) -> Iterator[str]:
    name = f"`{gate.metric}`"
    if gate.metric not in metrics:
        yield f"{name} is not among the metrics of this result.{_hint(gate.metric, metrics)}"
        return
    value = metrics[gate.metric]
    if not is_number(value):
        yield f"{name} is `{str(value)[:60]}`, which cannot be compared."
        return
    if gate.least is not None and value < gate.least:
        yield f"{name} is {_shown(value)}; at least {_shown(gate.least)} is asked for."
    if gate.most is not None and value > gate.most:
        yield f"{name} is {_shown(value)}; at most {_shown(gate.most)} is asked for."
    if gate.better is not None:
        yield from _worse(gate, value, [(tag, their[gate.metric]) for tag, their in earlier if gate.metric in their])


def _hint(wanted: str, metrics: Mapping[str, Any]) -> str:
    """The same name in another group says more than one that is spelt alike."""
    last = wanted.rsplit(".", 1)[-1]
    same = sorted((name for name in metrics if name.rsplit(".", 1)[-1] == last), key=len)
    near = same or difflib.get_close_matches(wanted, metrics, n=1)
    return f" Did you mean `{near[0]}`?" if near else ""


def _worse(gate: Gate, value: float, earlier: Sequence[tuple[str, Any]]) -> Iterator[str]:
    known = [(tag, their) for tag, their in earlier if is_number(their)]
    if not known:
        return
    up = 1 if gate.better == "higher" else -1
    tag, best = max(known, key=lambda each: up * each[1])
    by = up * (best - value)
    if by <= gate.tolerance or math.isclose(by, gate.tolerance, rel_tol=1e-9, abs_tol=1e-12):
        return
    allowed = f"; {_shown(gate.tolerance)} is allowed" if gate.tolerance else ""
    yield f"`{gate.metric}` is {_shown(value)}, worse by {_shown(by)} than the {_shown(best)} of `{tag}`{allowed}."


def _shown(value: float) -> str:
    return f"{value:.6g}"
