"""`/notify`: what a channel hears of beside the runs that were started in it, and its digest of the day."""

from __future__ import annotations

import re

from bot.runs.names import wrong_with_branch
from bot.runs.subscriptions import Subscription, What
from bot.slack import words
from commands import request
from commands.desk import Call, Command, Desk, Reply

USAGE = (
    "• `/notify finished`, `/notify failed` or `/notify released` tells this channel when a run ends; "
    "with a branch, for example `/notify released main`, only of that branch\n"
    "• `/notify stop` ends all of that, `/notify stop failed` or `/notify stop released main` a part of it\n"
    "• `/notify digest 9` says at nine in the morning, by your clock, what happened in the day before; "
    "`/notify digest off` ends that"
)
_ENDS = {
    What.FINISHED: "when a run ends, whichever way",
    What.FAILED: "when a run fails",
    What.RELEASED: "when a release is made",
}
_HOUR = re.compile(r"([01]?\d|2[0-3])(?::?00)?", re.ASCII)
MOST = 30
"""Subscriptions of one channel."""


def handle(call: Call, desk: Desk) -> Reply | None:
    """The list, or a change of it."""
    given = request.words(call.text)
    if not given:
        return Reply(f"{_listed(call, desk)}\n{USAGE}")
    verb = given[0].casefold()
    if verb in ("stop", "off", "remove", "unsubscribe"):
        return _stop(given[1:], call, desk)
    if verb == "digest":
        return _digest(given[1:], call, desk)
    wanted = _wanted(given)
    return wanted if isinstance(wanted, Reply) else _add(wanted, call, desk)


def _wanted(given: list[str]) -> Subscription | Reply:
    what = next((each for each in What if each.value == given[0].casefold()), None)
    if what is None or len(given) > 2:  # noqa: PLR2004 - what, and a branch
        return Reply(USAGE)
    branch = given[1].removeprefix("refs/heads/") if len(given) > 1 else ""
    wrong = wrong_with_branch(branch) if branch else None
    if wrong:
        return Reply(f"{words.code(branch, 60)} is no branch: it {words.entities(wrong)}. Nothing was changed.")
    return Subscription(what, branch)


def _add(wanted: Subscription, call: Call, desk: Desk) -> Reply:
    book, said = desk.store.subscriptions, _described(wanted)
    if len(book.of(call.channel, desk.project)) >= MOST:
        return Reply(f"This channel hears of {MOST} things already. `/notify stop` ends some. Nothing was changed.")
    if not book.add(call.channel, desk.project, wanted, user=call.user):
        return Reply(f"I tell this channel already {said}.")
    return Reply(f"From now on I tell this channel {said}. I have to be in it: `/invite @Stationmaster`.")


def _stop(given: list[str], call: Call, desk: Desk) -> Reply:
    wanted = _wanted(given) if given else None
    if isinstance(wanted, Reply):
        return wanted
    what, branch = (wanted.what, wanted.branch or None) if wanted else (None, None)
    ended = desk.store.subscriptions.remove(call.channel, desk.project, what, branch)
    if not ended:
        return Reply(f"There was nothing like that. {_listed(call, desk)}")
    return Reply(f"{words.plural(ended, 'notification')} ended. {_listed(call, desk)}")


def _digest(given: list[str], call: Call, desk: Desk) -> Reply:
    hour = _HOUR.fullmatch(given[0]) if len(given) == 1 else None
    if hour is not None:
        person = desk.person(call.user)
        desk.store.digests.choose(call.channel, desk.project, int(hour[1]), person.tz if person else "")
        return Reply(f"{_listed(call, desk)} I have to be in this channel: `/invite @Stationmaster`.")
    if len(given) == 1 and given[0].casefold() in ("off", "stop", "none"):
        desk.store.digests.choose(call.channel, desk.project, None)
        return Reply(f"The digest has ended. {_listed(call, desk)}")
    return Reply("At which hour? `/notify digest 9`, or `/notify digest off`. Nothing was changed.")


def _listed(call: Call, desk: Desk) -> str:
    """What the channel gets now, in sentences."""
    wanted = desk.store.subscriptions.of(call.channel, desk.project)
    digest = desk.store.digests.of(call.channel, desk.project)
    said = [f"• {_described(each)}" for each in wanted]
    if digest is not None:
        said.append(f"• a digest of the day at {digest.hour:02}:00 ({words.escape(digest.tz, 60)})")
    return "I tell this channel:\n" + "\n".join(said) if said else "I tell this channel nothing but of its own runs."


def _described(wanted: Subscription) -> str:
    return _ENDS[wanted.what] + (f" on {words.code(wanted.branch, 80)}" if wanted.branch else "")


COMMAND = Command(
    name="/notify",
    usage="[finished | failed | released] [branch]",
    description="Tell this channel when runs end, by branch; `digest 9` for a summary of each day",
    example="/notify released main",
    handle=handle,
)
