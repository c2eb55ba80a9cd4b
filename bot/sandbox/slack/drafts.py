"""What people have entered and chosen and not sent yet."""

from __future__ import annotations

from collections.abc import Sequence

from bot.sandbox.slack.elements import Json, Placed, Values, held_as, state_of


class Drafts:
    """By person and surface (a view's id, a message's ts): what its elements hold. Gone with the process.

    An element keeps what was entered through an update of its view as long as block_id, action_id and type stay,
    as in Slack.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Values] = {}
        self._offered: dict[tuple[str, str, str], list[Json]] = {}

    def hold(self, user: str, surface: str, where: Placed, value: object) -> None:
        """Something was entered into one element."""
        held = self._held.setdefault((user, surface), {})
        held.setdefault(where.block["block_id"], {})[where.element["action_id"]] = held_as(where.kind, value)

    def values(self, user: str, surface: str, blocks: Sequence[Json]) -> Values:
        """What the elements of `blocks` hold now."""
        return state_of(blocks, self._held.get((user, surface), {}))

    def offer(self, user: str, surface: str, where: Placed, options: Sequence[Json]) -> None:
        """The app offered options for an external select."""
        self._offered.setdefault((user, surface, where.element["action_id"]), []).extend(options)

    def offered(self, user: str, surface: str, where: Placed) -> list[Json]:
        """All options that were offered there so far."""
        return self._offered.get((user, surface, where.element["action_id"]), [])

    def forget(self, user: str, surface: str) -> None:
        """The surface is closed."""
        self._held.pop((user, surface), None)
        for key in [each for each in self._offered if each[:2] == (user, surface)]:
            del self._offered[key]
