"""Where elements stand: in a message, a modal or a home tab. And what a person does to them there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox.slack.deliveries import Deliveries, Delivery, Refused
from bot.sandbox.slack.drafts import Drafts
from bot.sandbox.slack.elements import HOLDS, Json, Placed, action_of, find, options_of, placed
from bot.sandbox.slack.entries import read
from bot.sandbox.slack.hooks import Hooks
from bot.sandbox.slack.limits import check_options
from bot.sandbox.slack.line import Undelivered, envelope_of
from bot.sandbox.slack.message import Message, for_api
from bot.sandbox.slack.payloads import block_actions, block_suggestion, in_message, in_view
from bot.sandbox.slack.people import Person
from bot.sandbox.slack.views import Views
from bot.sandbox.slack.workspace import Workspace

FAILED = 'That did not work: the app failed with "%s"'
NO_OPTIONS = "Could not load the options ({})."


@dataclass(frozen=True, slots=True)
class Surface:
    """A message, or a view with its state."""

    id: str
    blocks: list[Json]
    message: Message | None = None
    view: Json | None = None


def of_message(message: Message) -> Surface:
    """The surface of a message."""
    return Surface(message.ephemeral_id or message.ts, message.blocks or [], message=message)


def of_view(view: Json) -> Surface:
    """The surface of a modal or a home tab, as `Views` shows it."""
    return Surface(view["id"], view["blocks"], view=view)


class Surfaces:
    """Entering, choosing, pressing."""

    def __init__(
        self,
        *,
        workspace: Workspace,
        deliveries: Deliveries,
        hooks: Hooks,
        views: Views,
        drafts: Drafts,
        address: str,
    ) -> None:
        self._workspace = workspace
        self._deliveries = deliveries
        self._hooks = hooks
        self._views = views
        self._drafts = drafts
        self._address = address

    def element(self, surface: Surface, name: str, block_id: str | None = None) -> Placed:
        """The element with this action_id or label. Raises `Refused` when there is none."""
        where = find(surface.blocks, name, block_id)
        if where is None:
            raise Refused(f"There is no {name} here any more.")
        return where

    def enter(self, person: Person, surface: Surface, where: Placed, raw: Any) -> Any:
        """Let an element hold `raw`; what that is in Slack's writing. The app does not hear of it yet."""
        try:
            value = read(where, raw, self._drafts.offered(person.id, surface.id, where))
        except (ValueError, TypeError) as error:
            raise Refused(str(error)) from None
        if where.kind in HOLDS:
            self._drafts.hold(person.id, surface.id, where, value)
        return value

    def take_over(self, person: Person, surface: Surface, raw: Mapping[str, Mapping[str, Any]]) -> None:
        """What a page says that its elements hold: block_id -> action_id -> what was entered."""
        for where in placed(surface.blocks):
            entered = raw.get(where.block["block_id"], {})
            if where.kind in HOLDS and where.element["action_id"] in entered:
                self.enter(person, surface, where, entered[where.element["action_id"]])

    async def act(self, person: Person, surface: Surface, where: Placed, raw: Any = None) -> str:
        """Press, choose or enter, and tell the app: "" when it acknowledged, otherwise what the person sees."""
        value = where.element.get("value") if where.kind == "button" else self.enter(person, surface, where, raw)
        action = action_of(where, value, self._workspace.stamp())
        trigger_id = self._views.trigger(person.id)
        if surface.message:
            hook, scene = self._message_scene(person, surface, surface.message)
            envelope = envelope_of("interactive", block_actions(person, scene, [action], trigger_id))
            return await self._deliveries.bring(Delivery(envelope, hook, FAILED))
        try:
            await self._deliveries.ask(block_actions(person, self._view_scene(person, surface), [action], trigger_id))
        except Undelivered as failure:
            return FAILED % failure.code
        return ""

    async def suggest(self, person: Person, surface: Surface, where: Placed, query: str) -> Json:
        """The options for what was typed into an external select: {"options": ...} or {"option_groups": ...}.

        Raises:
            Refused: the app did not answer, or with something that Slack does not take.
        """
        if len(query) < where.element.get("min_query_length", 3):
            return {"options": []}
        scene = self._message_scene(person, surface, surface.message)[1] if surface.message else None
        scene = scene or self._view_scene(person, surface)
        names = (where.element["action_id"], where.block["block_id"])
        try:
            answer = await self._deliveries.ask(block_suggestion(person, scene, *names, query))
        except Undelivered as failure:
            raise Refused(NO_OPTIONS.format(failure.code)) from None
        if breaches := check_options(answer):
            raise Refused(NO_OPTIONS.format("; ".join(str(each) for each in breaches)))
        self._drafts.offer(person.id, surface.id, where, options_of(answer))
        return {name: answer[name] for name in ("options", "option_groups") if name in answer}

    def _message_scene(self, person: Person, surface: Surface, message: Message) -> tuple[Any, Json]:
        hook = self._hooks.open(person.id, message.channel, message)
        shown = for_api(message, self._workspace.replies(message), address=self._address, metadata=True)
        if message.ephemeral_id:
            shown["ephemeral_id"] = message.ephemeral_id
        values = self._drafts.values(person.id, surface.id, surface.blocks)
        channel = self._workspace.channel(message.channel)
        return hook, in_message(channel, shown, values, self._address + hook.path)

    def _view_scene(self, person: Person, surface: Surface) -> Json:
        values = self._drafts.values(person.id, surface.id, surface.blocks)
        return in_view({**(surface.view or {}), "state": {"values": values}})
