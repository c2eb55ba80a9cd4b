"""Trigger ids, and the modals and home tabs that they open."""

from __future__ import annotations

import itertools
import secrets
from typing import Any

from bot.clock import Clock
from bot.sandbox.slack.archive import Archive
from bot.sandbox.slack.drafts import Drafts
from bot.sandbox.slack.elements import with_ids
from bot.sandbox.slack.feed import Feed
from bot.sandbox.slack.people import APP_ID, BOT, TEAM
from bot.sandbox.slack.refusal import Refusal

Json = dict[str, Any]
TRIGGER_SECONDS = 3.0
DEEPEST = 3


class Views:
    """Who has which modals open, the deepest first, and everyone's home tab; every change is told to the feed."""

    def __init__(self, archive: Archive, feed: Feed, drafts: Drafts, clock: Clock) -> None:
        self._archive = archive
        self._feed = feed
        self._drafts = drafts
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
        return self.push(user, view) if push else self._open(user, view)

    def push(self, user: str, view: Json) -> Json:
        """Show a modal on top of the open one."""
        open_ones = self._modals.get(user, [])
        if len(open_ones) >= DEEPEST:
            raise Refusal("push_limit_reached")
        return self._add(user, view)

    def update(self, view_id: str, external_id: str, view: Json, wanted_hash: str = "") -> Json:
        """Change an open modal, found by either id: `not_found`, or `hash_conflict` when it changed meanwhile."""
        for user, open_ones in self._modals.items():
            for index, old in enumerate(open_ones):
                if view_id == old["id"] or (external_id and external_id == old["external_id"]):
                    _same_hash(old, wanted_hash)
                    open_ones[index] = self._complete(view, old["id"], old["root_view_id"], old["previous_view_id"])
                    self._tell(user)
                    return _bare(open_ones[index])
        raise Refusal("not_found")

    def publish(self, user: str, view: Json, wanted_hash: str = "") -> Json:
        """Set a person's home tab."""
        if user in self._homes:
            _same_hash(self._homes[user], wanted_hash)
        published = self._complete(view, f"V{user}", None, None)
        self._homes[user] = published
        self._archive.put("home", user, {"user": user, "view": published})
        self._feed.publish({"type": "home", "view": self.home(user)}, to=user)
        return _bare(published)

    def close(self, user: str, *, everything: bool = False) -> list[Json]:
        """Take the uppermost modal away, or all of them; the ones that are gone, the uppermost first."""
        open_ones = self._modals.get(user, [])
        count = len(open_ones) if everything else min(1, len(open_ones))
        gone = [self._shown(user, open_ones.pop()) for _ in range(count)]
        for view in gone:
            self._drafts.forget(user, view["id"])
        if gone:
            self._tell(user)
        return gone

    def modals(self, user: str) -> list[Json]:
        """The modals open for a person, the uppermost last, each with what is entered there."""
        return [self._shown(user, view) for view in self._modals.get(user, [])]

    def home(self, user: str) -> Json | None:
        """A person's home tab, once it was published."""
        view = self._homes.get(user)
        return self._shown(user, view) if view else None

    def view(self, user: str, view_id: str) -> Json | None:
        """What a person sees under this id: the uppermost modal or the home tab; None when it is not there."""
        seen = [*self.modals(user)[-1:], self.home(user)]
        return next((each for each in seen if each and each["id"] == view_id), None)

    def _open(self, user: str, view: Json) -> Json:
        for old in self._modals.pop(user, []):
            self._drafts.forget(user, old["id"])
        return self._add(user, view)

    def _add(self, user: str, view: Json) -> Json:
        self._unique(view)
        open_ones = self._modals.setdefault(user, [])
        root, below = (open_ones[0]["id"], open_ones[-1]["id"]) if open_ones else (None, None)
        opened = self._complete(view, f"V{next(self._serial)}", root, below)
        open_ones.append(opened)
        self._tell(user)
        return _bare(opened)

    def _unique(self, view: Json) -> None:
        everything = [*self._homes.values(), *(each for stack in self._modals.values() for each in stack)]
        if view.get("external_id") in {each["external_id"] for each in everything if each["external_id"]}:
            raise Refusal("duplicate_external_id")

    def _spend(self, trigger_id: str) -> str:
        if trigger_id in self._spent:
            raise Refusal("exchanged_trigger_id")
        user, since = self._triggers.pop(trigger_id, ("", float("-inf")))
        if self._clock.monotonic() - since >= TRIGGER_SECONDS:
            raise Refusal("expired_trigger_id")
        self._spent.add(trigger_id)
        return user

    def _complete(self, view: Json, identity: str, root: str | None, below: str | None) -> Json:
        defaults: Json = {"title": None, "submit": None, "close": None} if view.get("type") == "modal" else {}
        defaults |= {"callback_id": "", "private_metadata": "", "external_id": ""}
        defaults |= {"clear_on_close": False, "notify_on_close": False}
        owner = {"team_id": TEAM.id, "app_id": APP_ID, "bot_id": BOT.bot_id, "app_installed_team_id": TEAM.id}
        place = {"id": identity, "root_view_id": root or identity, "previous_view_id": below}
        blocks = with_ids(view["blocks"], lambda: next(self._serial))
        moment = f"{self._clock.now():.0f}.{secrets.token_hex(4)}"
        return {**defaults, **view, **owner, **place, "blocks": blocks, "hash": moment}

    def _shown(self, user: str, view: Json) -> Json:
        return {**view, "state": {"values": self._drafts.values(user, view["id"], view["blocks"])}}

    def _tell(self, user: str) -> None:
        self._feed.publish({"type": "modals", "modals": self.modals(user)}, to=user)


def _bare(view: Json) -> Json:
    """What views.* answer: nobody has entered anything as far as they tell."""
    return {**view, "state": {"values": {}}}


def _same_hash(view: Json, wanted: str) -> None:
    if wanted and wanted != view["hash"]:
        raise Refusal("hash_conflict")
