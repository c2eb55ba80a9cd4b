"""`/train` without words: a modal that says what would happen before anything is paid, and starts it.

It opens from memory, since Slack gives 3 s; what needs GitLab is filled in behind (`Desk.later`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from bot.crashpoints import crash_point
from bot.engine.preflight import Preflight
from bot.errors import DoorError, NotFound
from bot.runs.model import Kind, TrainOptions
from bot.slack import words
from commands import request
from commands.desk import Button, Call, Choices, Desk, Form, Press, Submission
from commands.modal import answer, view
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
from commands.modal.places import line_of, places, wrong_with_place

log = logging.getLogger(__name__)

LOOKING = "Looking …"
_SHORTEST_SEARCH = 2
_BRANCH_AND_TAG = 2


def is_meant(text: str, desk: Desk) -> bool:
    """Whether a `/train` leaves the rest to the modal: it has no words, or a branch and no more."""
    given = request.words(text)
    return desk.screens is not None and len(given) < _BRANCH_AND_TAG and not any(word[0] == "-" for word in given)


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
    desk.later(lambda: _open(desk, trigger, Private(channel), user, drafted(branch, tag, options or TrainOptions())))
    return True


def _open(desk: Desk, trigger: str, private: Private, user: str, draft: Draft) -> None:
    if desk.screens is None or desk.scout is None:
        return
    ready = desk.scout.ready
    draft = replace(draft, branch=draft.branch or _usual_branch(user, desk))
    if ready and not draft.tag:
        draft = replace(draft, tag=desk.scout.next_tag())
    shown = view.form(private, draft, places(user, desk), [LOOKING], {}) if ready else view.waiting(private)
    try:
        view_id = desk.screens.open(trigger, shown)
    except DoorError as error:
        log.warning("the modal did not open: %s", error)
        sentence = "The form could not be opened in time. Please type `/train` again."
        desk.store.outbox.whisper(key=f"form-{trigger}", channel=private.channel, user=user, text=sentence)
        desk.wake()
        return
    _fill(view_id, private, draft, user, desk)


def _fill(view_id: str, private: Private, draft: Draft, user: str, desk: Desk) -> None:
    """Put the pre-flight answer into the open modal, unless a later look has begun meanwhile."""
    if desk.screens is None or desk.scout is None:
        return
    is_newest = desk.scout.begin(view_id)
    values: Mapping[str, Any] = {}
    try:
        desk.scout.meet(user)
        if not draft.tag:
            desk.scout.refresh()
            draft = replace(draft, tag=desk.scout.next_tag())
        found = desk.scout.look(draft.branch, draft.tag, options_of(draft), line_of(draft.on, user, desk))
        wrong = wrong_with_place(draft.on, user, desk)
        lines: Sequence[str] = [*([words.prose(wrong)] if wrong else []), *answer.lines(draft, found)]
        values, private = found.parameters, _with(private, found)
    except DoorError as error:
        log.warning("the pre-flight look at %s: %s", draft.branch, error)
        lines = answer.no_answer(str(error))
    if is_newest():
        with suppress(NotFound):  # it was closed meanwhile
            desk.screens.update(view_id, view.form(private, draft, places(user, desk), lines, values))


def _with(private: Private, found: Preflight) -> Private:
    return replace(private, branch=found.branch, same=found.same_as.tag if found.same_as is not None else "")


def _usual_branch(user: str, desk: Desk) -> str:
    trained = (run.branch for run in desk.store.runs(user=user) if run.kind is Kind.TRAIN)
    default = desk.scout.default_branch if desk.scout is not None else "main"
    return next(trained, default)


def look_again(press: Press, desk: Desk) -> str | None:
    """Another branch, another machine, or the button: what would happen now?"""
    desk.later(lambda: _look_again(press, desk))
    return None


def _look_again(press: Press, desk: Desk) -> None:
    view_id = str(press.view.get("id") or "")
    if desk.screens is not None:
        with suppress(NotFound):
            desk.screens.update(view_id, view.looking(press.view))
    private = private_of(str(press.view["private_metadata"]))
    _fill(view_id, private, draft_of(press.values), press.user, desk)


def suggest(press: Press, desk: Desk) -> Sequence[Mapping[str, Any]]:
    """Branches that hold what was typed; where memory has none, GitLab is asked, and the next letter finds them."""
    if desk.scout is None:
        return ()
    scout, typed = desk.scout, press.value.strip()
    found = view.options(scout.branches(typed))
    if not found and len(typed) >= _SHORTEST_SEARCH:
        desk.later(lambda: scout.search(typed))
    return found


def submit(submission: Submission, desk: Desk) -> Mapping[str, str] | None:
    """Note the request, as `/train` does; the engine checks it again, and what it refuses only its caller sees."""
    draft, private = draft_of(submission.values), private_of(submission.private)
    wrong = wrong_with(draft) or _refused(draft, private, submission.user, desk)
    if wrong:
        return wrong
    desk.store.requests.add(
        delivery=submission.view_id or submission.trigger,
        user=submission.user,
        channel=private.channel,
        branch=draft.branch,
        tag="" if draft.smoke else draft.tag,
        options=options_of(draft),
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


BUTTONS = tuple(
    Button(action, look_again)
    for action in (view.CHOOSE_BRANCH, view.CHOOSE_PLACE, view.CHOOSE_HOW, view.CHOOSE_FORCE, view.AGAIN)
)
FORM = Form(view.FORM, submit)
CHOICES = Choices(view.CHOOSE_BRANCH, suggest)
