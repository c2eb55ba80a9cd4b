"""Trying a run again: who may, when there is nothing to try, and what a whole new training begins with. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bot.runs.model import Kind, Phase, Run, TrainOptions
from bot.runs.names import next_version

_DONE = {
    Phase.RELEASED: "is released",
    Phase.BUILT: "made its image",
    Phase.TESTED: "passed its smoke test",
    Phase.COMPARED: "was compared with its release",
}


@dataclass(frozen=True)
class Again:
    """A whole new training like an earlier one: of what its branch holds now, under the next free tag."""

    branch: str
    tag: str
    options: TrainOptions


def may_retry(run: Run, user: str, admins: Collection[str]) -> bool:
    """Whether somebody may try the run again: its owner may, and an admin."""
    return run.user == user or user in admins


def nothing_to_retry(run: Run, *, retried: Run | None, newest: Run | None) -> str | None:
    """Why the run cannot be tried again, as a sentence; None when it can.

    `retried` is the run that tries it again already, `newest` the newest one that was asked to make its tag.
    """
    name = f"Run {run.id} (`{run.tag}`)"
    if not run.phase.ended:
        return f"{name} is still going on."
    if run.phase in _DONE:
        return f"{name} {_DONE[run.phase]}: there is nothing to try again. `/train {run.branch} <tag>` trains anew."
    if retried is not None:
        failed = retried.phase in (Phase.FAILED, Phase.CANCELLED)
        more = f": `/retry {retried.id}` tries that one again" if failed else ""
        return f"{name} was tried again already, by run {retried.id}{more}."
    if run.kind is Kind.TRAIN and newest is not None and newest.id != run.id and is_in_the_way(newest):
        return f"{name} cannot be tried again: its tag went to run {newest.id} meanwhile. Train with another tag."
    return None


def is_in_the_way(other: Run) -> bool:
    """Whether another run of the same tag keeps it: it goes on, or has released it."""
    return not other.phase.ended or other.phase is Phase.RELEASED


def is_saved(run: Run) -> bool:
    """Whether the run's result is pushed and known here, so that only its release is missing."""
    return run.kind is Kind.TRAIN and "commit" in run.result and "pointer_text" in run.result


def is_own_tag(message: str, runs: Iterable[Run]) -> bool:
    """Whether a tag with that message was made by one of the runs (trainer/code/ship.py writes it)."""
    lines = message.splitlines()
    return any(f"Run-Uid: {run.uid}" in lines for run in runs)


def train_again(run: Run, taken: Iterable[str]) -> Again:
    """What "train again" begins with. `taken`: the tags that exist."""
    tag = run.tag if run.kind is Kind.SMOKE else next_version(taken, run.tag)
    return Again(run.branch, tag, run.options)
