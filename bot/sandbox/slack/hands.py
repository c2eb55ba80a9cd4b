"""What a person does to elements, modals and the Home tab, from Python. Synchronous, and good in any thread."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.deliveries import Refused
from bot.sandbox.slack.dialogs import Dialogs
from bot.sandbox.slack.elements import Json, Placed
from bot.sandbox.slack.line import Undelivered
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.server import LoopbackServer
from bot.sandbox.slack.surfaces import Surface, Surfaces, of_message, of_view
from bot.sandbox.slack.views import Views
from bot.sandbox.slack.workspace import Workspace

HOME = "home"
_PEOPLE, _CHANNELS = ("users_select", "multi_users_select"), ("channels_select", "multi_channels_select")


class Hands:
    """Elements are named by action_id or by the label a person reads, where an action_id is not known.

    `on` says where they are: a message's ts, or "home"; without it the uppermost modal or, when none is open, Home.
    What is not there raises `Refused` (the sentence a person would read) or `Refusal` (Slack's code).
    """

    _server: LoopbackServer
    _workspace: Workspace
    _views: Views
    _surfaces: Surfaces
    _dialogs: Dialogs

    def press(self, user: str, name: str, *, on: str = "") -> str:
        """Press a button: "" when the app acknowledged it, otherwise what the person sees."""
        return self._act(user, name, None, on)

    def choose(self, user: str, name: str, *choices: str, on: str = "") -> str:
        """Choose by value or text; people, channels, a date (2026-03-01) or a time (17:30) as they are called.

        In an external select the choice is typed first, as `suggest` does. More than one where more can be chosen,
        and none to clear it. "" when nobody needed to hear of it or the app acknowledged it.
        """
        person, surface, where = self._at(user, name, on)
        if where.kind.endswith("external_select"):
            for choice in choices:
                self._server.run(self._surfaces.suggest(person, surface, where, choice))
        raw = [self._named(where, choice) for choice in choices]
        many = where.kind.startswith("multi_") or where.kind == "checkboxes"
        return self._act(user, name, raw if many else (raw[0] if raw else None), on)

    def fill(self, user: str, name: str, text: str, *, on: str = "") -> str:
        """Type into a text box and, where the app wants to hear of it, press Enter."""
        return self._act(user, name, text, on)

    def suggest(self, user: str, name: str, query: str = "", *, on: str = "") -> list[Json]:
        """Type into an external select: the options that the app offers, groups made flat."""
        person, surface, where = self._at(user, name, on)
        answer = self._server.run(self._surfaces.suggest(person, surface, where, query))
        grouped = [option for group in answer.get("option_groups", []) for option in group["options"]]
        return [*answer.get("options", []), *grouped]

    def modal(self, user: str) -> Json | None:
        """The uppermost modal, with what is entered in it; None when none is open."""
        return next(iter(self.modals(user)[-1:]), None)

    def modals(self, user: str) -> list[Json]:
        """The modals open for this person, the uppermost last."""
        return self._server.call(lambda: self._views.modals(self._workspace.person(user).id))

    def submit(self, user: str) -> dict[str, str]:
        """Send the uppermost modal off: {} when the app took it, otherwise sentences by block_id."""
        view = self.modal(user)
        if view is None:
            raise Refused("No modal is open.")
        return self._server.run(self._dialogs.submit(self._workspace.person(user), view))

    def close(self, user: str, *, everything: bool = False) -> None:
        """Close the uppermost modal as its Cancel button does, or all of them as Escape does."""
        self._server.run(self._dialogs.close(self._workspace.person(user), everything=everything))

    def open_home(self, user: str, tab: str = HOME) -> Json | None:
        """Open the app's Home (or its `messages`), and wait until the app heard of it; the tab as it is then.

        An app that publishes after its acknowledgement, as Bolt lets it, may not be done: wait for {"type": "home"}.
        """
        try:
            self._server.run(self._dialogs.open_app(self._workspace.person(user), tab))
        except Undelivered as failure:
            raise Refused(f"The app did not hear of it: {failure.code}") from None
        return self.home_tab(user)

    def home_tab(self, user: str) -> Json | None:
        """This person's home tab, once the app published it."""
        return self._server.call(lambda: self._views.home(self._workspace.person(user).id))

    def _act(self, user: str, name: str, raw: Any, on: str) -> str:
        person, surface, where = self._at(user, name, on)
        if where.dispatches:
            return self._server.run(self._surfaces.act(person, surface, where, raw))
        self._server.call(lambda: self._surfaces.enter(person, surface, where, raw))
        return ""

    def _at(self, user: str, name: str, on: str) -> tuple[Person, Surface, Placed]:
        person = self._workspace.person(user)
        surface = self._server.call(lambda: self._surface(person, on))
        return person, surface, self._surfaces.element(surface, name)

    def _surface(self, person: Person, on: str) -> Surface:
        if on and on != HOME:
            return of_message(self._workspace.anywhere(on, person.id))
        modals = [] if on == HOME else self._views.modals(person.id)
        view = modals[-1] if modals else self._views.home(person.id)
        if view is None:
            raise Refused("Neither a modal nor Home is open.")
        return of_view(view)

    def _named(self, where: Placed, choice: str) -> str:
        if where.kind in _PEOPLE:
            return self._workspace.person(choice).id
        if where.kind in _CHANNELS or "conversations" in where.kind:
            return self._server.call(lambda: self._workspace.channel(choice).id)
        return choice
