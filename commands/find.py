"""Which run a person means, and how a run is shown in one line."""

from __future__ import annotations

from bot.runs.model import Kind, Phase, Run
from bot.slack import words
from bot.slack.card import status
from commands import request
from commands.desk import Call, Desk, Press, Reply

GONE = "That run is not known any more."
_DIGITS = 15
"""Of a run's number at most; SQLite takes no more than 18."""


def run_meant(text: str, desk: Desk, usage: str) -> Run | Reply:
    """The run with that number or tag, or the sentence that says why there is none."""
    meant = request.one_run(text)
    if meant is None:
        return Reply(f"Which run? Its number or its tag: `{usage}`")
    run = desk.store.run(meant) if isinstance(meant, int) else None
    run = run or desk.store.run_of_tag(desk.project, str(meant))
    if run is not None:
        return run
    what = f"run {meant}" if isinstance(meant, int) else f"run for the tag {words.code(meant)}"
    return Reply(f"There is no {what}. `/runs all` shows the latest.")


def run_pressed(press: Press, desk: Desk) -> Run | None:
    """The run that a button below its card or its last message belongs to."""
    digits = press.value if press.value.isdecimal() and len(press.value) <= _DIGITS else ""
    return desk.store.run(int(digits)) if digits else None


def one_line(run: Run, call: Call, desk: Desk, *, mine: bool = False) -> str:
    """`*42* Training, stage 2 of 4 · main → v1.0.0 · alice on rack · 3 min so far · thread`."""
    names = f"{words.code(run.branch, 80)} → {words.code(run.tag, 80)}"
    if run.kind is Kind.REPRODUCE:
        names = f"reproduction of {words.code(run.tag, 80)}"
    elif run.kind is not Kind.TRAIN:
        names = f"{'image' if run.kind is Kind.BUILD else 'smoke test'} of {words.code(run.branch, 80)}"
    name = desk.plain_name(run.user, run)
    where = words.whose(name, run.location)
    if mine:
        where = where.removeprefix(words.escape(name, 80)).strip()
    parts = [f"*{run.id}* {status(run)}", names, where, _when(run, desk.clock.now()), thread_link(run, call)]
    return " · ".join(part for part in parts if part)


def thread_link(run: Run, call: Call, label: str = "thread") -> str:
    """A link to the run's thread, where both the workspace's address and the thread are known."""
    if not (call.workspace and run.thread):
        return ""
    address = f"{call.workspace.rstrip('/')}/archives/{run.channel}/p{run.thread.replace('.', '')}"
    return words.link(address, label)


def _when(run: Run, now: float) -> str:
    if run.ended_at is not None:
        took = words.duration(run.ended_at - run.created_at)
        return f"{ago(now - run.ended_at)}, took {took}"
    since = run.times.get(Phase.STARTING)
    return (
        f"waiting for {words.duration(now - run.created_at)}"
        if since is None
        else f"{words.duration(now - since)} so far"
    )


def ago(seconds: float) -> str:
    """`just now`, `40 s ago`, `3 h ago`: only the largest unit."""
    if seconds < 1:
        return "just now"
    number, unit = words.duration(round(seconds)).split(" ")[:2]
    return f"{number} {unit} ago"
