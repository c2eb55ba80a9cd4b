"""`/train` without words: a modal that says what would happen before anything is paid, and starts it.

It opens from memory, since Slack gives 3 s; what needs GitLab is filled in behind (`Desk.look`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.crashpoints import crash_point
from bot.runs.model import TrainOptions
from bot.runs.names import smoke_name
from bot.slack import words
from commands import request
from commands.desk import Button, Call, Choices, Desk, Form, Press, Submission
from commands.modal import view
from commands.modal.draft import (
    FORCE,
    ON,
    TAG,
    Draft,
    Private,
    draft_of,
    drafted,
    options_of,
    private_of,
    wrong_with,
)
from commands.modal.filling import Filling
from commands.modal.places import places, wrong_with_place

_SHORTEST_SEARCH = 2
_BRANCH_AND_TAG = 2


def is_meant(text: str, desk: Desk) -> bool:
    """Whether a `/train` leaves the rest to the modal: it has no words, or a branch and no more."""
    given = request.words(text)
    if desk.screens is None or desk.scout is None:
        return False
    return len(given) < _BRANCH_AND_TAG and not any(word[0] == "-" for word in given)


def has_choice(user: str, desk: Desk) -> bool:
    """Whether there is a machine beside their usual one that they may train on."""
    return len(places(user, desk)) > 1


def open_for(call: Call, desk: Desk) -> None:
    """Open it for a `/train` without words, or with a branch alone."""
    branch = next(iter(request.words(call.text)), "").removeprefix("refs/heads/")
    open_modal(desk, call.delivery, call.channel, call.user, branch=branch)


def open_modal(
    desk: Desk,
    trigger: str,
    channel: str,
    user: str,
    *,
    branch: str = "",
    tag: str = "",
    options: TrainOptions | None = None,
) -> bool:
    """Open it for whoever pressed or typed; the run's card comes to `channel`. False where there are no modals.

    Without a branch it is the one that they trained last, without a tag the next version.
    """
    if desk.screens is None or desk.scout is None:
        return False
    filling = Filling(desk, desk.screens, desk.scout)
    draft = drafted(branch, tag, options or TrainOptions())
    desk.later(lambda: filling.open(trigger, Private(channel), user, draft))
    return True


def look_again(press: Press, desk: Desk) -> str | None:
    """Another branch, another machine, or the button: what would happen now?"""
    desk = _at(press.view, desk)
    if desk.screens is None or desk.scout is None:
        return None
    filling = Filling(desk, desk.screens, desk.scout)
    desk.later(lambda: filling.look_again(press))
    return None


def suggest(press: Press, desk: Desk) -> Sequence[Mapping[str, Any]]:
    """Branches that hold what was typed; where memory has none, GitLab is asked, and the next letter finds them."""
    desk = _at(press.view, desk)
    if desk.scout is None:
        return ()
    scout, typed = desk.scout, press.value.strip()
    found = view.options(scout.branches(typed))
    if not found and len(typed) >= _SHORTEST_SEARCH:
        desk.look((press.user, "search"), lambda: scout.search(typed))
    return found


def submit(submission: Submission, desk: Desk) -> Mapping[str, str] | None:
    """Note the request, as `/train` does; the engine checks it again, and what it refuses only its caller sees."""
    draft, private = draft_of(submission.values), private_of(submission.private)
    desk = desk.at(private.channel)
    wrong = wrong_with(draft) or _refused(draft, private, submission.user, desk)
    if wrong:
        return wrong
    desk.store.requests.add(
        delivery=submission.view_id or submission.trigger,
        user=submission.user,
        channel=private.channel,
        branch=draft.branch,
        tag=smoke_name(draft.branch) if draft.smoke else draft.tag,
        options=options_of(draft),
        project=desk.project,
    )
    crash_point("request-added")
    desk.wake()
    return None


def _refused(draft: Draft, private: Private, user: str, desk: Desk) -> dict[str, str]:
    """What the ledger and memory can say no to at once."""
    wrong = wrong_with_place(draft.on, user, desk)
    if wrong:
        return {ON: wrong}
    if draft.smoke:
        return {}
    taken = _taken(draft.tag, desk)
    if taken:
        return {TAG: taken}
    options = options_of(draft)
    if private.same and private.branch == draft.branch and not (options.force or options.set):
        return {FORCE: f"Nothing changed since {private.same}. Choose this to train all the same."}
    return {}


def _taken(tag: str, desk: Desk) -> str:
    run = desk.store.run_of_tag(desk.project, tag)
    if run is not None and not run.phase.ended:
        return f"Run {run.id} is making {words.clean(run.tag)} already. Choose another tag."
    if desk.scout is None or not desk.scout.exists(tag):
        return ""
    free = desk.scout.next_tag(tag)
    return f"{tag} exists already, and a release is never overwritten. The next free one is {free}."


def _at(shown: Mapping[str, Any], desk: Desk) -> Desk:
    """The desk of the channel that the modal was opened from."""
    return desk.at(private_of(str(shown["private_metadata"])).channel) if shown.get("private_metadata") else desk


BUTTONS = tuple(
    Button(action, look_again)
    for action in (view.CHOOSE_BRANCH, view.CHOOSE_PLACE, view.CHOOSE_HOW, view.CHOOSE_FORCE, view.AGAIN)
)
FORM = Form(view.FORM, submit)
CHOICES = Choices(view.CHOOSE_BRANCH, suggest)
