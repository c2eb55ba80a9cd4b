"""Modals and the app's Home: sending off, closing, opening."""

from __future__ import annotations

from bot.sandbox.slack.deliveries import Deliveries, Refused
from bot.sandbox.slack.elements import Json
from bot.sandbox.slack.entries import wrong
from bot.sandbox.slack.limits import check_view
from bot.sandbox.slack.line import Undelivered
from bot.sandbox.slack.payloads import app_home_opened, view_closed, view_submission
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.refusal import Refusal, refuse
from bot.sandbox.slack.views import Views
from bot.sandbox.slack.workspace import Workspace

TROUBLE = "We had some trouble connecting. Try again? ({})"


class Dialogs:
    """What a person does to a view as a whole."""

    def __init__(self, *, workspace: Workspace, deliveries: Deliveries, views: Views) -> None:
        self._workspace = workspace
        self._deliveries = deliveries
        self._views = views

    async def submit(self, person: Person, view: Json) -> dict[str, str]:
        """Send a modal off: {} when the app took it, otherwise sentences by block_id, Slack's own or the app's.

        Raises:
            Refused: it has no submit button, the app did not answer, or its answer is none that Slack takes.
        """
        if not view.get("submit"):
            raise Refused("This modal has nothing to submit.")
        if errors := wrong(view["blocks"], view["state"]["values"]):
            return errors
        payload = view_submission(person, view, self._views.trigger(person.id))
        try:
            answer = await self._deliveries.ask(payload)
        except Undelivered as failure:
            raise Refused(TROUBLE.format(failure.code)) from None
        try:
            return self._answered(person, view, answer)
        except Refusal as refusal:
            raise Refused(TROUBLE.format(refusal.sentence)) from None

    async def close(self, person: Person, *, everything: bool = False) -> None:
        """Close the uppermost modal, or all; an app that wants to know (`notify_on_close`) is told."""
        top = self._views.modals(person.id)[-1:]
        everything = everything or any(view.get("clear_on_close") for view in top)
        for view in self._views.close(person.id, everything=everything):
            if view.get("notify_on_close"):
                try:
                    await self._deliveries.ask(view_closed(person, view, cleared=everything))
                except Undelivered:
                    continue  # nobody waits for this answer

    async def open_app(self, person: Person, tab: str) -> None:
        """A person looks at the app's `home` or `messages`. Raises `Undelivered`."""
        direct = self._workspace.direct(person).id
        home = self._views.home(person.id)
        await self._deliveries.event(app_home_opened(person, direct, tab, home, self._workspace.stamp()))

    def _answered(self, person: Person, view: Json, answer: Json) -> dict[str, str]:
        action = answer.get("response_action")
        if action == "errors":
            return _errors(view, answer.get("errors"))
        if action in ("update", "push"):
            refuse(check_view(answer.get("view"), "modal"))
            if action == "push":
                self._views.push(person.id, answer["view"])
            else:
                self._views.update(view["id"], "", answer["view"])
        elif action == "clear":
            self._views.close(person.id, everything=True)
        elif answer:
            raise Refusal("invalid_response_action")
        elif [each["id"] for each in self._views.modals(person.id)][-1:] == [view["id"]]:
            self._views.close(person.id)
        return {}


def _errors(view: Json, errors: object) -> dict[str, str]:
    """The app's sentences, each of which must belong to an input block."""
    inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
        raise Refusal("invalid_errors")
    return {str(name): str(sentence) for name, sentence in errors.items()}
