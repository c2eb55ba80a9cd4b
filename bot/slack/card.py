"""A run's card: the root message of its thread, edited in place while the run moves. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.ports import Message
from bot.runs import curves
from bot.runs.charges import Cost
from bot.runs.figures import flatten
from bot.runs.model import SENTENCES, Kind, Phase, Reason, Run
from bot.slack import reproduction, words
from bot.slack.asked import asked, command
from bot.slack.blocks import (
    bar,
    context,
    header,
    image_name,
    mapping_of,
    number_of,
    section,
    title,
    title_text,
    was_made,
)
from bot.slack.buttons import RETRY, row
from bot.slack.held import failed
from bot.slack.remaining import Usual, remaining
from bot.slack.turn import Turn, waiting

DOING: Mapping[Phase, str] = {
    Phase.QUEUED: "Waiting for its turn",
    Phase.STARTING: "Starting the machine",
    Phase.PREPARING: "Fetching code and data",
    Phase.BUILDING: "Building the image",
    Phase.TRAINING: "Training",
    Phase.PUBLISHING: "Saving the result",
    Phase.COMPARING: "Comparing it with the release",
    Phase.RELEASING: "Making the release",
    Phase.HELD_BACK: "Held back",
    Phase.RELEASED: "Released",
    Phase.BUILT: "Built",
    Phase.TESTED: "Smoke test passed",
    Phase.COMPARED: "Compared with the release",
    Phase.FAILED: "Failed",
    Phase.CANCELLED: "Cancelled",
}
"""Each phase in plain words."""

_WAY = (
    (Phase.STARTING, "machine"),
    (Phase.PREPARING, "data"),
    (Phase.BUILDING, "image"),
    (Phase.TRAINING, "training"),
    (Phase.PUBLISHING, "saving"),
    (Phase.HELD_BACK, "decision"),
    (Phase.RELEASING, "release"),
)
_WAY_TO_AN_IMAGE = ((Phase.STARTING, "machine"), (Phase.PREPARING, "code"), (Phase.BUILDING, "image"))
_WAY_OF_A_TEST = _WAY[:4]
_WAY_OF_A_REPRODUCTION = (*_WAY[:4], (Phase.COMPARING, "comparing"))
_NOT_ALWAYS = (Phase.BUILDING, Phase.HELD_BACK)
"""Shown only where the run comes or came by."""
_SHOWN_METRICS = 4
UNKNOWN = Usual()
_INVITE = "Invite me there with `/invite @Stationmaster`, and the next run shows up in it."


def card(
    run: Run,
    *,
    now: float,
    who: str = "",
    usual: Usual = UNKNOWN,
    queue: Turn | None = None,
    cost: Cost | None = None,
    retried: Run | None = None,
) -> Message:
    """The card as it should stand at `now`. It names who asked, without a ping: they know.

    `retried`: the run that tries this one again, so that there is nothing to retry here any more.
    """
    who_and_where = context(_who_and_where(run, who), asked(run), _spent(cost) if run.phase.ended else "")
    blocks = [header(title(run)), section(_headline(run, now, queue)), who_and_where]
    if not run.phase.ended:
        blocks.append(context(*_time(run, now, usual), _cost(run, cost)))
    if retried is not None:
        blocks.append(context(f"Run {retried.id} tries it again."))
    if run.channel == run.user:
        blocks.append(context("This is here because I cannot write in the channel it was asked for in. " + _INVITE))
    text = words.cut(f"{title_text(run)}: {status(run)}", 500)
    buttons = row(run, without=(RETRY,) if retried is not None else ())
    return Message(key=f"run-{run.uid}-card", text=text, blocks=[*blocks, *buttons])


def status(run: Run) -> str:
    """The run's state in a few words, for a list or a notification."""
    if run.cancelled_by and not run.phase.ended:
        return "Cancelling"
    if run.phase is Phase.FAILED and run.detail.get("stage"):
        return f"Failed in {words.escape(str(run.detail['stage']), 80)}"
    if run.reason is Reason.DISCARDED:
        return "Discarded"
    if run.phase is Phase.PREPARING and run.kind is Kind.BUILD:
        return "Fetching the code"
    if run.phase is Phase.COMPARED:
        return reproduction.in_short(run)
    stage = _stage(run)
    return f"{DOING[run.phase]}{f', {stage}' if stage else ''}"


def _headline(run: Run, now: float, queue: Turn | None) -> str:
    if run.phase in _SAID:
        return _SAID[run.phase](run)
    if run.phase is Phase.FAILED:
        cause = SENTENCES[run.reason] if run.reason else ""
        return f"*{status(run)}.* {cause} The thread has the details."
    if run.phase is Phase.QUEUED and queue is not None:
        return waiting(run, now, queue)
    lines = [f"*{status(run)}*", _bar(run), _metrics(run), _trouble(run, now)]
    return "\n".join(line for line in lines if line)


def _released(run: Run) -> str:
    url = str(run.result.get("release_url") or "")
    page = words.link(url, f"Open the release {run.tag}") if url else f"{words.code(run.tag)} is there."
    metrics = _values(mapping_of(run.result, "metrics"))
    return f"*Released* after {_in_all(run)}. {page}" + (f"\n{metrics}" if metrics else "")


def _built(run: Run) -> str:
    said = f"*Built* after {_in_all(run)}" if was_made(run) else "*Was there already*"
    return f"{said}: {words.code(image_name(run), 300)}"


def _tested(run: Run) -> str:
    return f"*Smoke test passed* after {_in_all(run)}. For real: {words.code(command(run, smoke=False), 300)}"


def _compared(run: Run) -> str:
    return f"*{reproduction.in_short(run)}* after {_in_all(run)}. The thread has the details."


def left_by_cancel(run: Run) -> str:
    """What a cancelled run leaves behind, in a sentence."""
    left = {Kind.BUILD: "No image was made.", Kind.REPRODUCE: "The release is as it was."}
    return left.get(run.kind, "Nothing was released.")


def _in_all(run: Run) -> str:
    return words.duration((run.ended_at or run.phase_at) - run.created_at)


def _held_back(run: Run) -> str:
    waits = "" if run.cancelled_by else " Its release waits for somebody to decide."
    return f"*{status(run)}.*{waits}\n{failed(run)}"


def _cancelled(run: Run) -> str:
    return f"*{status(run)}.* {SENTENCES[run.reason] if run.reason is Reason.DISCARDED else left_by_cancel(run)}"


_SAID = {
    Phase.RELEASED: _released,
    Phase.BUILT: _built,
    Phase.TESTED: _tested,
    Phase.COMPARED: _compared,
    Phase.HELD_BACK: _held_back,
    Phase.CANCELLED: _cancelled,
}


def _who_and_where(run: Run, who: str) -> str:
    parts = [
        words.whose(who or local_part(run), run.location),
        f"commit {words.code(run.commit[:8])}",
    ]
    return " · ".join(parts)


def local_part(run: Run) -> str:
    """The name in front of the @, for a person whose name Slack did not tell."""
    return run.email.split("@", 1)[0] or run.user


def _time(run: Run, now: float, usual: Usual) -> tuple[str, str]:
    if run.phase is Phase.HELD_BACK:
        return _way(run), "the machine was given back"  # no time: a card that waits for days is not edited for it
    started = run.times.get(Phase.STARTING)
    if started is None:
        return "", f"asked for {words.duration(now - run.created_at)} ago"
    said = f"{words.duration(max(0.0, now - started))} so far"
    left = remaining(run, now, usual)
    if left is not None and left.seconds > 0:
        about = "" if left.seconds < words.MINUTE else "about "
        said += f", {about}{words.about(left.seconds)} left{' in this stage' if left.of_stage else ''}"
    elif left is not None and usual.seconds is not None and not left.of_stage:
        said += f", longer than the usual {words.duration(usual.seconds)}"
    return _way(run), said


def _spent(cost: Cost | None) -> str:
    return words.money(cost.amount) if cost is not None and cost.amount else ""


def _cost(run: Run, cost: Cost | None) -> str:
    """Nothing while the price is not known."""
    if cost is None or run.phase is Phase.HELD_BACK:
        return _spent(cost)
    spent = f"{words.money(cost.amount)} so far, at " if cost.amount else ""
    return f"{spent}{words.rate(cost.price_per_hour)}"


def _way(run: Run) -> str:
    """`machine ✓ · data ✓ · *training* · saving · release`, with `image` and `decision` where there was one."""
    names = []
    ways = {Kind.BUILD: _WAY_TO_AN_IMAGE, Kind.SMOKE: _WAY_OF_A_TEST, Kind.REPRODUCE: _WAY_OF_A_REPRODUCTION}
    way = ways.get(run.kind, _WAY)
    for phase, name in way:
        if phase in _NOT_ALWAYS and run.kind is not Kind.BUILD and phase not in (run.phase, *run.times):
            continue
        if phase is run.phase:
            names.append(f"*{name}*")
        else:
            past = phase in run.times and not (phase is Phase.RELEASING and run.phase is Phase.HELD_BACK)
            names.append(f"{name} ✓" if past else name)
    return " · ".join(names)


def _stage(run: Run) -> str:
    stage = mapping_of(run.progress, "stage")
    index, of = number_of(stage, "index"), number_of(stage, "of")
    if run.phase is not Phase.TRAINING or not stage.get("name"):
        return ""
    name = words.code(str(stage["name"]), 80)
    return f"stage {index:.0f} of {of:.0f}, {name}" if index is not None and of else f"stage {name}"


def _bar(run: Run) -> str:
    if run.phase is Phase.TRAINING:
        return _training_bar(run)
    if run.phase is Phase.BUILDING:
        return _building_bar(run)
    transfer = mapping_of(run.progress, "transfer")
    done, total = number_of(transfer, "bytes"), number_of(transfer, "bytes_total")
    if run.phase not in (Phase.PREPARING, Phase.PUBLISHING) or done is None:
        return ""
    if not total:
        return f"{words.size(done)} so far"
    return f"{bar(done / total)} {words.size(done)} of {words.size(total)}"


def _building_bar(run: Run) -> str:
    image = mapping_of(run.progress, "image")
    step = image.get("step")
    if image.get("state") != "building" or not isinstance(step, list | tuple) or len(step) != 2:  # noqa: PLR2004 - n of m
        return ""
    at, of = step
    return f"{bar((at - 1) / of)} step {at} of {of}" if 0 < at <= of else ""


def _training_bar(run: Run) -> str:
    stage, metric = mapping_of(run.progress, "stage"), mapping_of(run.progress, "metric")
    step, steps = number_of(metric, "step"), number_of(metric, "of")
    index, of = number_of(stage, "index"), number_of(stage, "of")
    if step is not None and steps:
        return f"{bar(step / steps)} epoch {step:,.0f} of {steps:,.0f}"
    if step:  # 0 is a metric of a stage that has no epochs
        return f"epoch {step:,.0f}"
    if index is not None and of:
        done = index if stage.get("state") != "started" else index - 1
        return f"{bar(done / of)}"
    return ""


def _metrics(run: Run) -> str:
    if run.phase is not Phase.TRAINING:
        return ""
    values = mapping_of(mapping_of(run.progress, "metric"), "values")
    told = curves.main(mapping_of(run.progress, "curve"))
    if told is None:
        return _values(values)
    others = {name: value for name, value in flatten(values, limit=50).items() if name != told[0]}
    return "\n".join(line for line in (_values(others), _line(*told)) if line)


def _line(name: str, values: Sequence[float]) -> str:
    """`accuracy ▁▂▃▅▇ from 0.41 to 0.93`: how the metric that says most has gone so far."""
    first, last = words.number(values[0]), words.number(values[-1])
    return f"{words.escape(name, 60)} {words.sparkline(values)} from {first} to {last}"


def _values(values: Mapping[str, Any]) -> str:
    """The first few metrics on one line; names that stand by themselves come before those of a group."""
    flat = list(flatten(values, limit=50).items())
    shown = [
        f"{words.escape(name, 60)} {words.escape(words.number(value), 60)}" for name, value in flat[:_SHOWN_METRICS]
    ]
    return " · ".join(shown)


def _trouble(run: Run, now: float) -> str:
    trouble = mapping_of(run.progress, "trouble")
    if not trouble.get("what"):
        return ""
    since = number_of(trouble, "since") or now
    return f"{words.escape(str(trouble['what']), 300)} Trying again, for {words.duration(now - since)} now."
