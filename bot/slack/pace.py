"""How fast Slack may be talked to: token buckets, and the quiet after a refusal. Knows nothing of runs.

Rates (facts/platform-limits.md, Slack): chat.postMessage about one a second and channel, with short bursts; chat.update
tier 3, 50 a minute for the whole app.
"""

from __future__ import annotations

from bot.clock import Clock

POSTS_PER_SECOND, POST_BURST = 1.0, 4
EDITS_PER_SECOND, EDIT_BURST = 42 / 60, 8
"""Together 50 in any minute, also in the one after a pause."""
URGENT_OVERDRAFT = 3
"""How many posts the last messages of a run may run ahead of the rate: they are few, and people wait for them."""
LONGEST_QUIET = 60.0
"""Seconds between tries at most while Slack is away."""


class Bucket:
    """`burst` tokens, refilled at `rate` a second."""

    def __init__(self, clock: Clock, rate: float, burst: float) -> None:
        self._clock, self._rate, self._burst = clock, rate, burst
        self._level, self._at = burst, clock.monotonic()

    def delay(self, *, overdraft: float = 0.0) -> float:
        """Seconds until a token may be taken; 0 when now."""
        self._fill()
        return max(0.0, (1.0 - overdraft - self._level) / self._rate)

    def take(self) -> None:
        """Take one, whether there is one or not."""
        self._fill()
        self._level -= 1.0

    def _fill(self) -> None:
        now = self._clock.monotonic()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now


class Pace:
    """When the next post or edit may go out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._posts: dict[str, Bucket] = {}
        self._edits = Bucket(clock, EDITS_PER_SECOND, EDIT_BURST)
        self._quiet_until = {"post": 0.0, "edit": 0.0}
        self._failures = 0

    def until_post(self, channel: str, *, urgent: bool = False) -> float:
        """Seconds until a message may be posted there."""
        delay = self._bucket(channel).delay(overdraft=URGENT_OVERDRAFT if urgent else 0.0)
        return max(delay, self._quiet("post"))

    def until_edit(self) -> float:
        """Seconds until a card may be edited."""
        return max(self._edits.delay(), self._quiet("edit"))

    def posting(self, channel: str) -> None:
        """A message goes out there now."""
        self._bucket(channel).take()

    def editing(self) -> None:
        """An edit goes out now."""
        self._edits.take()

    def refused(self, what: str, seconds: float) -> None:
        """Slack asked to be left alone with a `post` or an `edit` for that long."""
        self._quiet_until[what] = self._clock.monotonic() + seconds

    def failed(self) -> float:
        """Slack did not answer: leave it alone altogether, longer each time. Returns for how many seconds."""
        seconds: float = min(LONGEST_QUIET, 2.0 ** min(self._failures, 6))
        self._failures += 1
        for what in self._quiet_until:
            self.refused(what, seconds)
        return seconds

    def worked(self) -> None:
        """Slack answered."""
        self._failures = 0

    def _quiet(self, what: str) -> float:
        return max(0.0, self._quiet_until[what] - self._clock.monotonic())

    def _bucket(self, channel: str) -> Bucket:
        if channel not in self._posts:
            self._posts[channel] = Bucket(self._clock, POSTS_PER_SECOND, POST_BURST)
        return self._posts[channel]
