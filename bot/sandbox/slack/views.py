"""Trigger ids, and the modals and home tabs that they open."""

from __future__ import annotations

import itertools
import secrets
from typing import Any

from bot.clock import Clock
from bot.sandbox.slack.archive import Archive
from bot.sandbox.slack.people import APP_ID, BOT, TEAM
from bot.sandbox.slack.refusal import Refusal

Json = dict[str, Any]
TRIGGER_SECONDS = 3.0
DEEPEST = 3


class Views:
    """Who has which modals open, the deepest first, and everyone's home tab."""

    def __init__(self, archive: Archive, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock
        self._serial = itertools.count(int(clock.now() * 1000))
        self._triggers: dict[str, tuple[str, float]] = {}
        self._spent: set[str] = set()
        self._modals: dict[str, list[Json]] = {}
        self._homes = {each["user"]: each["view"] for each in archive.every("home")}

    def trigger(self, user: str) -> str:
        """A fresh trigger id: for three seconds it opens one modal for `user`."""
        now = self._clock.monotonic()
        while self._triggers and now - next(iter(self._triggers.values()))[1] >= TRIGGER_SECONDS:
            del self._triggers[next(iter(self._triggers))]  # a dict keeps its order: the oldest comes first
        trigger_id = f"{next(self._serial)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = (user, now)
        return trigger_id

    def open(self, trigger_id: str, view: Json, *, push: bool = False) -> Json:
        """Show a modal, with `push` on top of the one that is open (three at most)."""
        user = self._spend(trigger_id)
        open_ones = self._modals.setdefault(user, [])
        if not push:
            open_ones.clear()
        if len(open_ones) >= DEEPEST:
            raise Refusal("push_limit_reached")
        root = open_ones[0]["id"] if open_ones else None
        opened = self._complete(view, f"V{next(self._serial)}", root)
        open_ones.append(opened)
        return opened

    def update(self, view_id: str, external_id: str, view: Json) -> Json:
        """Change an open modal, found by either id, or `not_found`."""
        for open_ones in self._modals.values():
            for index, old in enumerate(open_ones):
                if view_id == old["id"] or (external_id and external_id == old.get("external_id")):
                    open_ones[index] = self._complete(view, old["id"], old["root_view_id"])
                    return open_ones[index]
        raise Refusal("not_found")

    def publish(self, user: str, view: Json) -> Json:
        """Set a person's home tab."""
        published = self._complete(view, f"V{user}", None)
        self._homes[user] = published
        self._archive.put("home", user, {"user": user, "view": published})
        return published

    def modals(self, user: str) -> list[Json]:
        """The modals open for a person, the uppermost last."""
        return list(self._modals.get(user, []))

    def home(self, user: str) -> Json | None:
        """A person's home tab, once it was published."""
        return self._homes.get(user)

    def _spend(self, trigger_id: str) -> str:
        if trigger_id in self._spent:
            raise Refusal("exchanged_trigger_id")
        user, since = self._triggers.pop(trigger_id, ("", float("-inf")))
        if self._clock.monotonic() - since >= TRIGGER_SECONDS:
            raise Refusal("expired_trigger_id")
        self._spent.add(trigger_id)
        return user

    def _complete(self, view: Json, identity: str, root: str | None) -> Json:
        defaults = {"callback_id": "", "private_metadata": "", "external_id": "", "state": {"values": {}}}
        owner = {"team_id": TEAM.id, "app_id": APP_ID, "bot_id": BOT.bot_id, "app_installed_team_id": TEAM.id}
        place = {"id": identity, "root_view_id": root or identity, "previous_view_id": None}
        return {**defaults, **view, **owner, **place, "hash": secrets.token_hex(6)}
