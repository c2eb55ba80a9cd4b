"""What must hold after every step of an interleaving, and at its end (numbers: the twelve invariants of the design)."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from bot.runs.model import Phase, Reason, Run
from tests.crash.simulation.bot_in_time import BotInTime


def broken(bot: BotInTime) -> Iterator[str]:
    """Sentences of what does not hold, at any time. The bot may be dead: the ledger is what it left."""
    yield from bot.broken
    for machine in bot.machines.values():
        yield from machine.broken  # 1 and 5: two jobs at once, a stop under a job
        again = [run for run, times in Counter(machine.trained).items() if times > 1]
        if again:
            yield f"runs {again} were trained twice"  # 10
    if bot.alive:
        runs = bot.store.runs(limit=1_000)
        yield from _reservations(bot, runs)
        for run in runs:
            if run.reason is Reason.INTERNAL:
                yield f"run {run.id} failed by a defect of ours: {run.detail}"
            yield from _said(bot, run)
            yield from _published(bot, run)


def broken_at_the_end(bot: BotInTime) -> Iterator[str]:
    """What does not hold when all faults are over and time has passed."""
    yield from broken(bot)
    for run in bot.store.runs(limit=1_000):
        if run.phase is Phase.HELD_BACK and not run.holds:
            yield from _waits(bot, run)
            continue
        if not run.phase.ended or run.holds:
            yield f"run {run.id} came to no end: {run.phase}, holds {run.holds}"  # 7
        if [row["kind"] for row in bot.said(run.id)].count("terminal") != 1:
            yield f"run {run.id} has no last message"  # 6
        if run.phase is Phase.RELEASED and run.tag not in bot.code.releases:
            yield f"run {run.id} is called released and is not"
    for machine in bot.machines.values():
        if machine.running():
            yield f"{machine.name} still has {machine.running()}"
    yield from _requests(bot)


def _waits(bot: BotInTime, run: Run) -> Iterator[str]:
    """A result that waits for people has asked them once, and is not released."""
    asked = sum('"what": "held-back"' in row["data"] for row in bot.said(run.id))
    if asked != 1 or run.cancelled_by:
        yield f"run {run.id} waits, asked {asked} times, cancelled by {run.cancelled_by}"
    if run.tag in bot.code.releases:
        yield f"run {run.id} waits, and its release is there"


def _reservations(bot: BotInTime, runs: list[Run]) -> Iterator[str]:
    """2: one holder a location, and fences that only grow."""
    holders = Counter(run.location for run in runs if run.holds)
    if any(times > 1 for times in holders.values()):
        yield f"two runs hold one location: {holders}"
    fences = [
        row["fence"] for row in bot.store._database.all("SELECT fence FROM journal WHERE deed = 'reserve' ORDER BY id")
    ]
    if any(later <= earlier for earlier, later in pairwise(fences)):
        yield f"fences do not grow: {fences}"
    given = Counter(
        (row["run_id"], row["location"])
        for row in bot.store._database.all("SELECT run_id, location FROM journal WHERE deed = 'reserve'")
    )
    if any(times > 1 for times in given.values()):
        yield f"a run went back to a machine that it had left: {given}"


def _said(bot: BotInTime, run: Run) -> Iterator[str]:
    """6: a card first, one last message at most, and nothing after it but its pictures and the log."""
    kinds = [row["kind"] for row in bot.said(run.id)]
    if kinds[0] != "card" or kinds.count("card") != 1:
        yield f"run {run.id} does not begin with its card: {kinds}"
    after = kinds[kinds.index("terminal") + 1 :] if "terminal" in kinds else []
    if [kind for kind in after if kind != "picture"] not in ([], ["log-file"]) or after.count("picture") > 1:
        yield f"run {run.id} says more after its last message: {kinds}"
    if run.phase is Phase.RELEASED and run.progress.get("gate") and "approval" not in run.result:
        yield f"run {run.id} is released, and nobody said that it may"
    if "terminal" in kinds and not run.phase.ended:
        yield f"run {run.id} has its last message while it is {run.phase}"  # 11


def _published(bot: BotInTime, run: Run) -> Iterator[str]:
    """8 and 9: tag and release at most once, and of nothing that did not succeed.

    A machine that is lost between its push and the bot's next look leaves a tag, and no release, of a failed run; a
    retry of that run makes the release.
    """
    code = bot.code
    if code.times_pushed[run.tag] > 1 or code.times_released[run.tag] > 1:
        yield f"{run.tag} was pushed {code.times_pushed[run.tag]} times, released {code.times_released[run.tag]} times"
    if code.pushed_by.get(run.tag) != run.id or run.phase not in (Phase.FAILED, Phase.CANCELLED):
        return
    if run.tag in code.releases and bot.store.retry_of(run.id) is None:
        yield f"run {run.id} is {run.phase}, and its release is there"
    if run.phase is Phase.CANCELLED and run.reason is not Reason.DISCARDED:
        yield f"run {run.id} is cancelled, and its tag is there"


def _requests(bot: BotInTime) -> Iterator[str]:
    """Every command came to one run or one refusal."""
    for row in bot.store._database.all("SELECT * FROM requests"):
        refusals = bot.store._database.all("SELECT 1 FROM outbox WHERE key = ?", (f"request-{row['id']}",))
        came_to = (row["state"], row["run_id"] is not None, len(refusals))
        if came_to not in (("accepted", True, 0), ("refused", False, 1)):
            yield f"request {row['id']} came to {came_to}: {json.dumps(row)}"
