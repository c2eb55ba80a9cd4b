"""Who hears of pushed commits: the look at branches, and GitLab's webhook, which only makes the next look come now."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from bot.engine import triggers
from bot.engine.triggers import Wanted
from bot.engine.world import World
from bot.settings import Settings


class Pushes:
    """`soon` makes the next look come now; the wiring, which schedules the looks, sets it."""

    def __init__(self, settings: Settings, world: World, wake: Callable[[], None]) -> None:
        secret = settings.gitlab_webhook_secret
        self.on = settings.commit_triggers or bool(settings.watch_branches)
        self.has_webhook = self.on and secret is not None
        self.soon: Callable[[], object] = lambda: None
        self._secret = secret.get_secret_value() if secret is not None else ""
        self._wanted = wanted(settings)
        self._world = world
        self._wake = wake

    def look(self) -> None:
        """Look at all branches once."""
        if triggers.look(self._world, self._wanted):
            self._wake()

    def told(self, token: str) -> bool:
        """GitLab tells of a push: True when it is GitLab. What was pushed is asked for, and not believed."""
        if not (self._secret and hmac.compare_digest(token.encode(), self._secret.encode())):
            return False
        self.soon()
        return True


def wanted(settings: Settings) -> Wanted:
    """What is looked for. A project's threads come to its first channel, the top-level one's to the fallback."""
    named = {each.gitlab_project: each.channels[0] for each in settings.projects.values()}
    return Wanted(
        channels={settings.gitlab_project: settings.slack_fallback_channel or "", **named},
        messages=settings.commit_triggers,
        watched=settings.watch_branches,
        at=next((name for name, place in settings.locations.items() if place.smoke), ""),
    )
