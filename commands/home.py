"""The app's home tab: gathered from the ledger when somebody opens it, and drawn again when something of it changed."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from bot.errors import DoorError, Unavailable
from bot.ports import Person, View
from bot.runs.charges import total
from bot.runs.digests import zone_said
from bot.runs.homes import Home as Kept
from bot.runs.model import Run
from bot.runs.preferences import Preference
from bot.slack import words
from bot.slack.home import (
    ALSO_CHANNEL,
    DIGEST_HOUR,
    DIRECT_MESSAGE,
    NOTIFY_ME,
    RELEASES,
    RUNS,
    Home,
    MachineShown,
    RunShown,
    home,
)
from commands import month
from commands.desk import Button, Call, Desk, Press
from commands.find import ago, one_line
from commands.locations.listing import described

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""Seconds between two looks at the tabs that may have to be drawn again."""
FRESH_SECONDS, WATCHED_SECONDS, RARE_SECONDS = 15.0, 600.0, 300.0
"""Seconds between two drawings of a tab: for so long after it was opened, and after that, when nobody may look."""
EVERY_PROJECT = ""
"""A person's digest is of all of them; a channel's is of its own."""
MOST_AT_ONCE = 10
"""Tabs drawn in one look: with the time between two it stays below Slack's 100 a minute for `views.publish`."""


def opened(user: str, desk: Desk) -> None:
    """Somebody looks at their tab."""
    if desk.person(user) is None:
        desk.store.people.meet(user)
        desk.wake()
    desk.store.homes.opened(user)
    desk.later(lambda: show(user, desk))


def refresh(desk: Desk) -> float:
    """Draw the tabs again that show something old; returns the seconds until the next look."""
    now, drawn = desk.clock.now(), 0
    for kept in desk.store.homes.kept():
        period = FRESH_SECONDS if now - kept.opened_at < WATCHED_SECONDS else RARE_SECONDS
        if now - kept.shown_at < period or kept.stamp == _stamp(kept, desk):
            continue
        try:
            show(kept.user, desk)
        except Unavailable as error:
            log.warning("home tabs wait: %s", error)
            return error.retry_after or RARE_SECONDS / 10
        except DoorError as error:
            log.warning("the home tab of %s is left as it is: %s", kept.user, error)
        drawn += 1
        if drawn == MOST_AT_ONCE:
            break
    return LOOK_SECONDS


def show(user: str, desk: Desk) -> None:
    """Draw one tab. What changes meanwhile is not lost: the stamp is taken before."""
    kept = desk.store.homes.get(user)
    if kept is None or desk.screens is None:
        return
    stamp = _stamp(kept, desk)
    try:
        desk.screens.home(user, page(user, desk))
    except DoorError:
        desk.store.homes.shown(user, "")  # tried, and to be tried again
        raise
    desk.store.homes.shown(user, stamp)


def page(user: str, desk: Desk) -> View:
    """The tab as it should stand now."""
    person, kept = desk.person(user), desk.store.homes.get(user)
    call = Call(user, "", "", "", workspace=desk.workspace())
    active = desk.store.runs(user=user, only_open=True, limit=RUNS + 1)
    recent = [run for run in desk.store.runs(user=user, limit=3 * RUNS) if run.phase.ended]
    digest = desk.store.digests.of(user, EVERY_PROJECT)
    return home(
        Home(
            answer=kept.answer(desk.clock.now()) if kept else "",
            machines=_machines(user, person, desk),
            no_machine=_no_machine(person, desk),
            active=[_run(run, call, desk) for run in active],
            recent=[_run(run, call, desk) for run in recent],
            releases=[_release(run, desk) for run in desk.store.released(None, limit=RELEASES)],
            costs=_costs(user, desk),
            preference=desk.store.preferences.of(user),
            digest=digest.hour if digest else None,
            tz=zone_said(person.tz if person else ""),
        )
    )


def _stamp(kept: Kept, desk: Desk) -> str:
    return desk.store.homes.stamp(kept.user) + kept.answer(desk.clock.now())


def _machines(user: str, person: Person | None, desk: Desk) -> list[MachineShown]:
    own = desk.location_for(person.email) if person is not None and person.email else None
    now, shown = desk.clock.now(), []
    for facts in sorted(desk.locations.values(), key=lambda each: each.name):
        if facts.line != own:
            continue
        row = desk.store.machines.get(facts.name)
        on = (row.state in ("running", "starting") or row.wanted == "on") and row.wanted != "off"
        text = described(facts, desk, mine=True, reader=user)
        shown.append(MachineShown(facts.name, text, on if facts.switchable else None, held=row.holder(now) == user))
    return shown


def _no_machine(person: Person | None, desk: Desk) -> str:
    if person is None:
        return "We have not met yet: I am asking Slack who you are, and this page follows."
    return f"None of the machines is yours. Ask {desk.whom_to_ask} to add one for you; `/locations` shows all of them."


def _run(run: Run, call: Call, desk: Desk) -> RunShown:
    return RunShown(run, one_line(run, call, desk, mine=True), retried=desk.store.retry_of(run.id) is not None)


def _release(run: Run, desk: Desk) -> str:
    url = str(run.result.get("release_url") or "")
    name = words.link(url, run.tag) if url else words.code(run.tag, 80)
    when = ago(desk.clock.now() - (run.ended_at or run.phase_at))
    where = f"{words.escape(run.project, 80)} " if desk.project_of is not None else ""
    return f"*{name}* · {where}{words.code(run.branch, 80)} · {desk.name_of(run.user, run)} · {when}"


def _costs(user: str, desk: Desk) -> str:
    this = month.meant("", datetime.fromtimestamp(desk.clock.now(), tz=UTC).date())
    bill = desk.store.costs.between(this.begin, this.end) if this is not None else []
    known = [charge for charge in bill if charge.price is not None]
    if not known:
        return ""
    mine = [charge for charge in known if charge.user == user]
    return f"*{words.money(total(mine))}* for you, *{words.money(total(known))}* for all. `/costs` says what for."


def choose(press: Press, desk: Desk) -> str | None:
    """The boxes: how the end of one's runs is told."""
    chosen = press.value.split(",")
    preference = Preference(also_channel=ALSO_CHANNEL in chosen, direct_message=DIRECT_MESSAGE in chosen)
    desk.store.preferences.choose(press.user, preference)
    return None


def choose_digest(press: Press, desk: Desk) -> str | None:
    """The list of hours: when the digest comes, by the clock of whoever chose."""
    hour = int(press.value) if press.value.isdecimal() and int(press.value) < 24 else None  # noqa: PLR2004 - hours
    person = desk.person(press.user)
    desk.store.digests.choose(press.user, EVERY_PROJECT, hour, person.tz if person else "")
    return None


BUTTONS = (Button(NOTIFY_ME, choose), Button(DIGEST_HOUR, choose_digest))
