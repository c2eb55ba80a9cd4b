"""`/compare <tag|run> <tag|run>`: the tables at once; the code's differences and the curves follow from the engine."""

from __future__ import annotations

from bot.runs.model import Kind, Run
from bot.slack import words
from bot.slack.blocks import context, section
from bot.slack.buttons import COMPARE
from bot.slack.comparing import heading, two
from commands import request
from commands.desk import Button, Call, Command, Desk, Press, Reply
from commands.find import GONE, run_meant, run_pressed

USAGE = "/compare <tag|run> <tag|run>"


def handle(call: Call, desk: Desk) -> Reply | None:
    """Two results, the second as the newer one."""
    given = request.words(call.text)
    if len(given) != 2:  # noqa: PLR2004 - one beside the other
        return Reply(f"Which two? Their tags or their numbers: `{USAGE}`, for example `{COMMAND.example}`")
    runs = [run_meant(word, desk, USAGE) for word in given]
    one, other = runs
    if isinstance(one, Reply) or isinstance(other, Reply):
        return next(each for each in runs if isinstance(each, Reply))
    refusal = incomparable(one, other)
    if refusal:
        return Reply(refusal)
    compare(one, other, desk, delivery=call.delivery, user=call.user, channel=call.channel)
    title, tables = heading(one, other), two(one, other)
    blocks = [section(text) for text in (title, *(tables or [_nothing(one, other)]))]
    follows = context("What differs in the code, and the learning curves, follow in a moment.")
    return Reply(f"{title}\n" + "\n".join(tables), [*blocks, follows], in_channel=True)


def press(press: Press, desk: Desk) -> str | None:
    """The button of a release: with the last release of its branch before it, in the thread. Anybody may."""
    run = run_pressed(press, desk)
    if run is None:
        return GONE
    before = desk.store.run_of_tag(run.project, _before(run))
    if before is None:
        return f"There is no release before {words.code(run.tag)} to compare it with. `{USAGE}` takes any two."
    channel, thread = (press.channel, run.thread or "") if press.channel else (press.user, "")
    delivery = f"before-{run.uid}" if press.channel else press.trigger
    if compare(before, run, desk, delivery=delivery, user=press.user, channel=channel, thread=thread, tables=True):
        return None
    return f"The thread of run {run.id} has that comparison already, or gets it in a moment."


def _before(run: Run) -> str:
    """The tag of the release that its last message compares the run with first; empty without one."""
    against = (run.progress.get("compared") or {}).get("against") or [{}]
    return str(against[0].get("tag") or "")


def incomparable(one: Run, other: Run) -> str | None:
    """Why two runs cannot be compared, as a sentence; None when they can."""
    if one.id == other.id:
        return f"Both are run {one.id} ({words.code(one.tag)}). Name another one to compare it with."
    made = {Kind.BUILD: "made an image", Kind.SMOKE: "was a smoke test", Kind.REPRODUCE: "made a release again"}
    found = next((run for run in (one, other) if run.kind in made), None)
    return f"Run {found.id} {made[found.kind]}, so it has no result to compare." if found else None


def compare(
    one: Run, other: Run, desk: Desk, *, delivery: str, user: str, channel: str, thread: str = "", tables: bool = False
) -> bool:
    """Have the engine tell what differs, in a channel or a thread; with the `tables`, where nobody has them yet.

    False when it was asked to before.
    """
    added = desk.store.errands.add(
        delivery=delivery,
        kind="compare",
        channel=channel,
        user=user,
        thread=thread,
        data={"runs": [one.id, other.id], "tables": tables},
    )
    desk.wake()
    return added


def _nothing(one: Run, other: Run) -> str:
    waiting = [f"run {run.id}" for run in (one, other) if not run.result]
    return f"There are no figures yet: {words.listing(waiting)} has no result." if waiting else "There are no figures."


BUTTON = Button(COMPARE, press)
COMMAND = Command(
    name="/compare",
    usage="<tag|run> <tag|run>",
    description="Two results beside one another: metrics, parameters, data, code and learning curves",
    example="/compare v1.0.0 v1.1.0",
    handle=handle,
)
