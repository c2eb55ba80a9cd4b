"""What people decide of a result that was held back: the form behind Release anyway, and who may decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.runs.model import Phase, Run
from bot.slack import words
from bot.slack.blocks import section
from bot.slack.buttons import DISCARD, RELEASE_ANYWAY
from bot.slack.card import DOING
from bot.slack.held import failed
from commands.aside import aside
from commands.desk import Button, Desk, Form, Press, Reply, Submission
from commands.find import GONE, run_pressed

FORM_NAME = "release-anyway"
"""The modal's callback id, and"""
REASON = "reason"
"""the id of its one field."""
LONGEST_REASON = 500
_DIGITS = 15


def release(run: Run, user: str, reason: str, desk: Desk) -> str | None:
    """Let the run be released all the same; a sentence when that is refused, None when it was done."""
    reason = " ".join(words.clean(reason).split())
    refusal = may_not_release(run, user, desk)
    if refusal:
        return refusal
    if not reason:
        return _say_why(run)
    if len(reason) > LONGEST_REASON:
        return f"That reason has {len(reason)} characters, and {LONGEST_REASON} fit. Say it shorter."
    person = desk.person(user)
    who = person.email or person.name if person else user
    if desk.store.verdicts.release(run.id, user=user, who=who, reason=reason) is None:
        return _decided(desk.store.run(run.id) or run)
    desk.wake()
    return None


def discard(run: Run, user: str, desk: Desk) -> str | None:
    """Have the result discarded; a sentence when that is refused, None when it was done."""
    if user != run.user and user not in desk.admins | desk.approvers:
        return f"{_name(run)} belongs to {desk.name_of(run.user, run)}: they may discard it, or {_approvers(desk)}."
    if desk.store.verdicts.discard(run.id, user=user) is None:
        return _decided(desk.store.run(run.id) or run)
    desk.wake()
    return None


def may_not_release(run: Run, user: str, desk: Desk) -> str | None:
    """Why that person may not release the run, or nobody can any more; None when they may."""
    if run.phase is not Phase.HELD_BACK or run.cancelled_by:
        return _decided(run)
    if user not in desk.approvers:
        return f"You may not release {words.code(run.tag)} all the same: {_approvers(desk)} may."
    return None


def _decided(run: Run) -> str:
    """What to say of a run that waits for nobody."""
    state = "discarded" if run.cancelled_by and run.phase is Phase.HELD_BACK else DOING[run.phase].lower()
    if Phase.HELD_BACK in run.times:
        return f"{_name(run)} has been decided on already: {state}."
    return f"{_name(run)} is not held back, so there is nothing to decide: {state}."


def _say_why(run: Run) -> str:
    return f"Say why: `/release {run.id} <reason>`. It goes into the release notes."


def _name(run: Run) -> str:
    return f"Run {run.id} ({words.code(run.tag)})"


def _approvers(desk: Desk) -> str:
    """Who may decide, as names: a mention would disturb them."""
    names = [desk.name_of(user) for user in sorted(desk.approvers)]
    return words.listing(names) if names else "whoever RELEASE_APPROVERS names (nobody yet)"


# the buttons, and the form that asks why


def press_release(press: Press, desk: Desk) -> str | None:
    """Ask for the reason; where no form can be opened, the command takes it."""
    run = run_pressed(press, desk)
    if run is None:
        return GONE
    refusal = may_not_release(run, press.user, desk)
    if refusal is not None or desk.screens is None:
        aside(Reply(refusal or _say_why(run)), press, desk)
        return None
    screens = desk.screens

    def ask() -> None:
        screens.open(press.trigger, form(run))

    desk.later(ask)
    return None


def press_discard(press: Press, desk: Desk) -> str | None:
    """The other button, which has asked whether it is meant."""
    run = run_pressed(press, desk)
    if run is None:
        return GONE
    refusal = discard(run, press.user, desk)
    if refusal:
        aside(Reply(refusal), press, desk)
    return None


def form(run: Run) -> dict[str, Any]:
    """The modal: what is worse, and a field for the reason."""
    element = {"type": "plain_text_input", "action_id": "release-reason", "multiline": True}
    return {
        "type": "modal",
        "callback_id": FORM_NAME,
        "title": _plain("Release anyway"),
        "submit": _plain("Release"),
        "close": _plain("Not yet"),
        "private_metadata": str(run.id),
        "blocks": [
            section(f"{words.code(run.tag)} was held back:\n{failed(run)}"),
            {
                "type": "input",
                "block_id": REASON,
                "label": _plain("Why it may be released"),
                "hint": _plain("It goes into the release notes, with your name."),
                "element": {**element, "max_length": LONGEST_REASON},
            },
        ],
    }


def submit(submission: Submission, desk: Desk) -> Mapping[str, str] | None:
    """The form was sent: what is wrong stands below its field."""
    digits = submission.private if submission.private.isdecimal() and len(submission.private) <= _DIGITS else ""
    run = desk.store.run(int(digits)) if digits else None
    if run is None:
        return {REASON: GONE}
    refusal = release(run, submission.user, str(submission.values.get(REASON) or ""), desk)
    return {REASON: refusal.replace("`", "")} if refusal else None


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


BUTTONS = (Button(RELEASE_ANYWAY, press_release), Button(DISCARD, press_discard))
FORM = Form(FORM_NAME, submit)
