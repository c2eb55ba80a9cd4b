"""What the page asks for when a person acts upon elements, modals and Home."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bot.sandbox.slack.deliveries import Refused
from bot.sandbox.slack.dialogs import Dialogs
from bot.sandbox.slack.line import Undelivered
from bot.sandbox.slack.people import ALICE, Person
from bot.sandbox.slack.surfaces import Surface, Surfaces, of_message, of_view
from bot.sandbox.slack.views import Views
from bot.sandbox.slack.workspace import Workspace

Json = dict[str, Any]


class PageForms:
    """Each post names the surface it is about (`view_id`, or `message_ts` with its channel, or `ephemeral_id`).

    `values` is what the page's elements there hold (block_id -> action_id -> what was entered).
    """

    def __init__(self, *, workspace: Workspace, views: Views, surfaces: Surfaces, dialogs: Dialogs) -> None:
        self._workspace = workspace
        self._views = views
        self._surfaces = surfaces
        self._dialogs = dialogs

    def posts(self) -> dict[str, Callable[[Json], Awaitable[Json]]]:
        """By the last word of their address."""
        return {
            "action": self._action,
            "suggest": self._suggest,
            "submit": self._submit,
            "close": self._close,
            "home": self._home,
        }

    def state(self, me: Person) -> Json:
        """What is open, for a page that was just loaded."""
        return {"modals": self._views.modals(me.id), "home": self._views.home(me.id)}

    async def _action(self, body: Json) -> Json:
        me = self._person(body)
        surface = self._surface(me, body)
        where = self._surfaces.element(surface, _text(body, "action_id"), _text(body, "block_id"))
        self._surfaces.take_over(me, surface, body.get("values") or {})
        # In a channel what the person sees when the app fails comes over the live socket, as with a command.
        said = await self._surfaces.act(me, surface, where, body.get("value"))
        if said and surface.view:
            raise Refused(said)
        return {}

    async def _suggest(self, body: Json) -> Json:
        me = self._person(body)
        surface = self._surface(me, body)
        where = self._surfaces.element(surface, _text(body, "action_id"), _text(body, "block_id"))
        self._surfaces.take_over(me, surface, body.get("values") or {})
        return await self._surfaces.suggest(me, surface, where, _text(body, "query"))

    async def _submit(self, body: Json) -> Json:
        me = self._person(body)
        surface = self._surface(me, body)
        self._surfaces.take_over(me, surface, body.get("values") or {})
        return {"errors": await self._dialogs.submit(me, self._view(me, surface.id))}

    async def _close(self, body: Json) -> Json:
        await self._dialogs.close(self._person(body), everything=bool(body.get("everything")))
        return {}

    async def _home(self, body: Json) -> Json:
        tab = _text(body, "tab")
        if tab not in ("home", "messages"):
            raise Refused("An app has the tabs home and messages.")
        try:
            await self._dialogs.open_app(self._person(body), tab)
        except Undelivered:
            return {"heard": False}
        return {"heard": True}

    def _surface(self, me: Person, body: Json) -> Surface:
        if body.get("view_id"):
            return of_view(self._view(me, _text(body, "view_id")))
        if body.get("ephemeral_id"):
            return of_message(self._workspace.ephemeral(_text(body, "ephemeral_id")))
        channel = self._workspace.channel(_text(body, "channel"))
        return of_message(self._workspace.find(channel.id, _text(body, "message_ts")))

    def _view(self, me: Person, view_id: str) -> Json:
        view = self._views.view(me.id, view_id)
        if view is None:
            raise Refused("This is not open any more.")
        return view

    def _person(self, body: Json) -> Person:
        return self._workspace.person(str(body.get("user") or ALICE.id))


def _text(body: Json, name: str) -> str:
    return str(body.get(name) or "")
