"""What is done behind the acknowledgement: the modal opens from memory, and the answer is put in when it is known."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from bot.engine.preflight import Preflight
from bot.engine.scout import Scout
from bot.errors import DoorError, NotFound
from bot.ports import Screens
from bot.runs.model import Kind
from bot.slack import words
from commands.desk import Desk, Press
from commands.modal import answer, view
from commands.modal.draft import Draft, Private, draft_of, options_of, private_of
from commands.modal.places import line_of, places, wrong_with_place

log = logging.getLogger(__name__)

LOOKING = "Looking …"
SLOW = "Looking … GitLab is slow to answer just now. You need not wait for it: you can start the training all the same."


@dataclass(frozen=True)
class _Open:
    """A modal that somebody has before them. `shown`: its fields and what is in them; nothing while it has none."""

    id: str
    private: Private
    user: str
    shown: Mapping[str, Any]


class Filling:
    """The errands of one desk: each waits for Slack at most, and leaves what GitLab has to say to a look."""

    def __init__(self, desk: Desk, screens: Screens, scout: Scout) -> None:
        self._desk, self._screens, self._scout = desk, screens, scout

    def open(self, trigger: str, private: Private, user: str, draft: Draft) -> None:
        """Show the modal, and fill it."""
        ready = self._scout.ready or self._desk.gitlab_is_slow()
        draft = self._completed(draft, user) if ready else draft
        shown = view.waiting(private)
        if ready:
            shown = view.form(private, draft, places(user, self._desk), self._looking(), {})
        try:
            view_id = self._screens.open(trigger, shown)
        except DoorError as error:
            log.warning("the modal did not open: %s", error)
            self._say_too_late(trigger, private, user)
            return
        self._look(_Open(view_id, private, user, shown if ready else {}), draft)

    def look_again(self, press: Press) -> None:
        """Say that it is looked up, and then what came of it."""
        modal = _Open(
            str(press.view["id"]), private_of(str(press.view["private_metadata"])), press.user, shown=press.view
        )
        self._update(modal, view.with_answer(modal.shown, self._looking()))
        self._look(modal, draft_of(press.values))

    def _looking(self) -> tuple[str, ...]:
        return (SLOW if self._desk.gitlab_is_slow() else LOOKING,)

    def _look(self, modal: _Open, draft: Draft) -> None:
        is_newest = self._scout.begin(modal.id)
        self._desk.look((modal.user, "form"), lambda: self._fill(modal, draft, is_newest))

    def _fill(self, modal: _Open, draft: Draft, is_newest: Callable[[], bool]) -> None:
        """Put the answer in, unless a later look was asked for meanwhile."""
        try:
            filled = self._looked_up(modal, draft)
        except DoorError as error:
            log.warning("the pre-flight look at %s: %s", draft.branch, error)
            filled = self._without_answer(modal, draft, error)
        if is_newest():
            self._update(modal, filled)

    def _looked_up(self, modal: _Open, draft: Draft) -> dict[str, Any]:
        self._scout.meet(modal.user)
        if not (draft.branch and draft.tag):
            self._scout.refresh()
            draft = self._completed(draft, modal.user)
        line = line_of(draft.on, modal.user, self._desk)
        found = self._scout.look(draft.branch, draft.tag, options_of(draft), line)
        wrong = (wrong_with_place(draft.on, modal.user, self._desk), self._over_the_limit(modal.user))
        lines = [*(words.prose(each) for each in wrong if each), *answer.lines(draft, found)]
        private = _with(modal.private, found)
        return view.form(private, draft, places(modal.user, self._desk), lines, found.parameters)

    def _over_the_limit(self, user: str) -> str:
        """Why one more run of theirs would be refused now; empty when it would not."""
        desk = self._desk
        refusal = desk.allowance.refusal(desk.store.used_by(user), desk.clock.now())
        return f"It would not be started now: {refusal}" if refusal else ""

    def _without_answer(self, modal: _Open, draft: Draft, error: DoorError) -> dict[str, Any]:
        lines = answer.no_answer(str(error))
        if modal.shown:
            return view.with_answer(modal.shown, lines)
        draft = self._completed(draft, modal.user)
        return view.form(modal.private, draft, places(modal.user, self._desk), lines, {})

    def _update(self, modal: _Open, shown: Mapping[str, Any]) -> None:
        with suppress(NotFound):  # it was closed meanwhile
            self._screens.update(modal.id, shown)

    def _completed(self, draft: Draft, user: str) -> Draft:
        """With the branch and the tag that are likely, where none is named; as far as memory knows."""
        branch, tag = draft.branch or self._usual_branch(user), draft.tag or self._scout.next_tag()
        return replace(draft, branch=branch, tag=tag)

    def _usual_branch(self, user: str) -> str:
        """The one that they trained last, else the default."""
        runs = self._desk.store.runs(user=user, project=self._desk.project)
        trained = (run.branch for run in runs if run.kind is Kind.TRAIN)
        return next(trained, self._scout.default_branch)

    def _say_too_late(self, trigger: str, private: Private, user: str) -> None:
        sentence = "The form could not be opened in time. Please type `/train` again."
        self._desk.store.outbox.whisper(key=f"form-{trigger}", channel=private.channel, user=user, text=sentence)
        self._desk.wake()


def _with(private: Private, found: Preflight) -> Private:
    return replace(private, branch=found.branch, same=found.same_as.tag if found.same_as is not None else "")
