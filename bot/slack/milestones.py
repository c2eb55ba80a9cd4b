"""What a run's thread says on the way: one line a milestone. Pure.

The engine names what happened (`Note.data["what"]`) and the facts; the words are here. A person is mentioned by the one
that they wait for, their turn; by a result that waits for them (bot/slack/held.py); and by the last message of a run
(bot/slack/ending.py). Everything else is quiet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot.ports import Message
from bot.runs.model import Kind, Note, Run
from bot.slack import words
from bot.slack.blocks import number_of, section
from bot.slack.buttons import can_decide, row
from bot.slack.held import held_back

Facts = Mapping[str, Any]
Names = Mapping[str, str]
"""Slack user id -> the name people know."""

STAGES_SHOWN = 8
"""Lines of stages in one message; more are counted."""
STEPS = {
    "prepare": "fetching code and data",
    "build": "building the image",
    "repro": "training",
    "publish": "saving the result",
    "compare": "comparing it with the release",
}
"""The steps in plain words."""
LONG_WAIT = 60.0
"""Seconds of waiting after which somebody looks elsewhere, and is told by a mention that it goes on."""
CHANGES_SHOWN = 3
"""How many changed inputs of an image are named."""

_CAUSES = {
    "credentials": "a login was refused, it is made anew",
    "network": "the network failed",
    "lock": "another DVC process holds the workspace",
    "killed": "it was killed from outside",
    "internal": "something inside failed",
    "machine-lost": "the machine did not answer",
}
_STATES = {
    "started": "started",
    "finished": "finished",
    "skipped": "did not change",
    "cached": "was restored from an earlier run",
}


_WAITS_FOR = {
    "starting": "the cloud is still turning it on",
    "stopping": "it is still being turned off, and can only be started after that",
    "running": "it is on, but does not answer yet",
    "unknown": "the cloud does not know it at the moment",
    "capacity": "the cloud has no room for it at the moment",
    "answer": "the cloud does not answer",
}
_LEFT = {
    "capacity": "has no capacity just now",
    "quota": "cannot be turned on: the account may have no more of its kind at once",
    "gone": "does not exist any more",
    "removed": "was taken out of the settings",
}


def milestone(run: Run, note: Note, *, key: str = "", names: Names | None = None) -> Message:
    """One message for the thread; an unknown `what` becomes a plain line."""
    line = _LINES.get(str(note.data.get("what")), _plain)
    text = line(run, note.data, names or {}) or words.escape(note.text) or _plain(run, note.data, {})
    blocks = [section(text)]
    if note.data.get("what") == "held-back" and can_decide(run):
        blocks += row(run)
    return Message(key=key, text=words.cut(text, 2_900), blocks=blocks)


def _plain(_run: Run, facts: Facts, _names: Names) -> str:
    return words.escape(str(facts.get("text") or facts.get("what") or "Something happened.").capitalize())


def _your_turn(run: Run, facts: Facts, _names: Names) -> str:
    waited = number_of(facts, "waited")
    after = f" after {words.duration(waited)}" if waited is not None else ""
    ping = f"<@{run.user}> " if waited is not None and waited >= LONG_WAIT else ""
    return f"{ping}Your turn: {_where(run, facts)} is free{after}."


def _machine_starting(run: Run, facts: Facts, _names: Names) -> str:
    return f"Starting the machine {_where(run, facts)}."


def _moved_on(run: Run, facts: Facts, _names: Names) -> str:
    why = _LEFT.get(str(facts.get("why")), _LEFT["capacity"])
    return f"{words.code(str(facts.get('left')))} {why}; trying {_where(run, facts)}."


def _start_slow(run: Run, facts: Facts, _names: Names) -> str:
    what = _WAITS_FOR.get(str(facts.get("waits_for")), _WAITS_FOR["starting"])
    return f"{_where(run, facts)} takes longer than usual to start: {what}."


def _notice(_run: Run, facts: Facts, _names: Names) -> str:
    return words.prose(str(facts.get("text") or ""), 1_500)


def _machine_ready(_run: Run, facts: Facts, _names: Names) -> str:
    return f"The machine answers{_after(facts)}."


def _prepared(_run: Run, facts: Facts, _names: Names) -> str:
    files, moved = number_of(facts, "files"), number_of(facts, "bytes")
    if not files:
        return f"Code and data are ready{_after(facts)}: everything was there already."
    amount = f" ({words.size(moved)})" if moved is not None else ""
    return f"Code and data are ready{_after(facts)}: fetched {words.plural(round(files), 'file')}{amount}."


def _restored(_run: Run, facts: Facts, _names: Names) -> str:
    number = str(facts.get("uid")).partition("-")[0]
    whose = f"run {number}" if number.isdecimal() else "an earlier run"
    return f"What {whose} made is still here, so nothing is trained again: its result only has to be saved."


def _image_building(run: Run, facts: Facts, _names: Names) -> str:
    found = facts.get("why")
    why = [words.code(str(name), 80) for name in found] if isinstance(found, list | tuple) else []
    if not why:
        return f"Building the image of {words.code(run.branch)}, which is not here yet."
    more = [f"{len(why) - CHANGES_SHOWN} more"] if len(why) > CHANGES_SHOWN else []
    return f"Building the image: {words.listing([*why[:CHANGES_SHOWN], *more])} changed."


def _image_ready(_run: Run, facts: Facts, _names: Names) -> str:
    name, seconds = words.code(str(facts.get("name") or ""), 300), number_of(facts, "seconds")
    took = f" in {words.duration(seconds)}" if seconds is not None else ""
    return {
        "built": f"Image built{took}: {name}. It stays at this machine.",
        "pushed": f"Image built{took}, pushed as {name}.",
        "pulled": f"Image pulled{took}: {name}.",
    }.get(str(facts.get("state")), f"Image ready{took}: {name}.")


def _stages(_run: Run, facts: Facts, _names: Names) -> str:
    items = facts.get("items")
    stages = [item for item in items if isinstance(item, Mapping)] if isinstance(items, Sequence) else []
    if len(stages) <= STAGES_SHOWN:
        return "\n".join(_stage(stage) for stage in stages)
    worked = [stage for stage in stages if stage.get("state") in ("started", "finished")]
    lines = [_stage(stage) for stage in worked[-STAGES_SHOWN:]]
    more = len(worked) - len(lines)
    unchanged = len(stages) - len(worked)
    if more:
        lines.insert(0, f"{words.plural(more, 'stage')} finished before these.")
    if unchanged:
        lines.append(f"{words.plural(unchanged, 'stage')} did not change.")
    return "\n".join(lines)


def _stage(stage: Facts) -> str:
    index, of = number_of(stage, "index"), number_of(stage, "of")
    place = f"Stage {index:,.0f} of {of:,.0f}, " if index is not None and of is not None else "Stage "
    state = _STATES.get(str(stage.get("state")), words.escape(str(stage.get("state")), 40))
    seconds = number_of(stage, "seconds")
    took = f" in {words.duration(seconds)}" if seconds is not None and stage.get("state") == "finished" else ""
    return f"{place}{words.code(str(stage.get('name')), 80)}, {state}{took}."


def _by_commit(run: Run, facts: Facts, _names: Names) -> str:
    short = words.code(str(facts.get("commit"))[:10])
    if run.kind is Kind.SMOKE:
        return f"Commit {short} was pushed to {words.code(run.branch, 80)}, of which each push is tested."
    return f"The message of commit {short} on {words.code(run.branch, 80)} asked for this run."


def _unchanged(_run: Run, _facts: Facts, _names: Names) -> str:
    return "Nothing changed since the last training, so no stage had to run."


def _published(run: Run, facts: Facts, _names: Names) -> str:
    commit, branch = str(facts.get("commit") or "")[:8], str(facts.get("branch") or run.branch)
    objects, moved = number_of(facts, "objects"), number_of(facts, "bytes")
    where = f"commit {words.code(commit)} on {words.code(branch)}, tag {words.code(run.tag)}"
    data = f", {words.plural(round(objects), 'object')}" if objects else ""
    data += f" ({words.size(moved)})" if data and moved else ""
    said = f"The result is saved: {where}{data}."
    if facts.get("diverged"):
        branch = f"{words.code(run.branch)} moved on or was deleted meanwhile"
        said += f" {branch}, so the result is on a branch of its own."
    return said


def _cost_near(_run: Run, facts: Facts, _names: Names) -> str:
    spent, limit, seconds = (number_of(facts, name) for name in ("spent", "limit", "seconds"))
    when = f" in {words.about(seconds)}" if seconds is not None else ""
    return (
        f"This run has cost {words.money(spent or 0.0)} of the {words.money(limit or 0.0)} that one may cost here. "
        f"It is ended there{when}, unless its training is done by then."
    )


def _retrying(_run: Run, facts: Facts, _names: Names) -> str:
    step = STEPS.get(str(facts.get("step")), words.escape(str(facts.get("step") or "this step"), 60))
    cause = _CAUSES.get(str(facts.get("cause")), words.escape(str(facts.get("cause") or "it failed"), 200))
    seconds, attempt = number_of(facts, "seconds"), number_of(facts, "attempt")
    when = f" in {words.duration(seconds)}" if seconds else ""
    which = f" (attempt {attempt:.0f})" if attempt is not None else ""
    return f"{step.capitalize()} did not work: {cause}. Trying again{when}{which}."


def _warning(_run: Run, facts: Facts, _names: Names) -> str:
    return f"A warning: {words.escape(str(facts.get('text') or ''), 1_500)}"


def _too_late(_run: Run, _facts: Facts, _names: Names) -> str:
    return "Too late to cancel: the result is on its way out already. The run goes on."


def _cancelling(run: Run, facts: Facts, names: Names) -> str:
    by = str(facts.get("by") or "")
    if not by or by == run.user:
        return "Cancelling, as asked."
    return f"Cancelling: {words.escape(names.get(by, 'somebody else'), 80)} asked for it."


def _still_there(run: Run, facts: Facts, _names: Names) -> str:
    where = _where(run, facts)
    return f"{where} does not answer, so it stays reserved until it is certain that nothing of this run is left on it."


def _where(run: Run, facts: Facts) -> str:
    """The machine that it was about: a run of a pool may have another one by the time that it is said."""
    return words.code(str(facts.get("location") or run.location))


def _after(facts: Facts) -> str:
    seconds = number_of(facts, "seconds")
    return f" after {words.duration(seconds)}" if seconds is not None else ""


_LINES: Mapping[str, Callable[[Run, Facts, Names], str]] = {
    "your-turn": _your_turn,
    "machine-starting": _machine_starting,
    "moved-on": _moved_on,
    "machine-ready": _machine_ready,
    "start-slow": _start_slow,
    "notice": _notice,
    "prepared": _prepared,
    "restored": _restored,
    "image-building": _image_building,
    "image-ready": _image_ready,
    "stages": _stages,
    "unchanged": _unchanged,
    "published": _published,
    "held-back": held_back,
    "cost-near": _cost_near,
    "retrying": _retrying,
    "by-commit": _by_commit,
    "warning": _warning,
    "cancel-too-late": _too_late,
    "cancelling": _cancelling,
    "still-there": _still_there,
}
