"""Pictures on their way into a thread: drawn by another process, looked for before they are shared again.

A picture is an extra. One that cannot be drawn or is not taken by Slack is left out, with a line in the log, and
nothing else waits for it for long.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bot.crashpoints import crash_point
from bot.errors import DoorError, Unavailable
from bot.ports import Chat
from bot.runs.model import Run
from bot.runs.outbox import Outgoing
from bot.runs.plots import CURVES, Plot, as_far_as_it_came, beside, pictures
from bot.runs.store import Store
from bot.slack.pictures import caption, title
from bot.slack.plots import CannotDrawError, Painter

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.3
"""Until the next look at a picture that is being drawn."""
TRIES = 3
AGAIN_SECONDS = 5.0


@dataclass(frozen=True)
class Exhibit:
    """One picture: where it goes, what it is called there, and what is on it."""

    channel: str
    thread: str
    name: str
    title: str
    plots: tuple[Plot, ...]


class Pictures:
    """Sends the outbox's rows of kind `picture`: of a run, or of two that were compared. Without a painter none."""

    def __init__(self, store: Store, chat: Chat, painter: Painter | None) -> None:
        self._store, self._chat, self._painter = store, chat, painter

    def send(self, row: Outgoing, run: Run | None) -> None:
        """Share the picture if it is drawn; else look again soon."""
        if self._is_too_early(row):
            self._store.outbox.unsent(row, seconds=LOOK_SECONDS, surely=True)
            return
        exhibit = self._of_run(row, run) if run is not None else self._of_two(row)
        try:
            content = self._painter.draw(row.key, exhibit.plots) if exhibit and self._painter else b""
        except CannotDrawError as error:
            log.warning("the picture %s is left out: %s", row.key, error)
            content = b""
        if content is None:
            self._store.outbox.unsent(row, seconds=LOOK_SECONDS, surely=not row.maybe_sent)
        elif exhibit is None or not content:
            self._store.outbox.give_up(row)
        else:
            self._share(row, exhibit, content)

    def not_sent(self, row: Outgoing, error: DoorError) -> float | None:
        """Seconds until the next try of a picture that did not go; None when there is none, and the outbox moves on."""
        if isinstance(error, Unavailable) and error.retry_after is not None:
            self._store.outbox.unsent(row, seconds=error.retry_after, surely=not row.maybe_sent)
            return error.retry_after
        if isinstance(error, Unavailable) and row.tries + 1 < TRIES:
            self._store.outbox.unsent(row, seconds=AGAIN_SECONDS, surely=False)
            return AGAIN_SECONDS
        log.warning("the picture %s is left out: %s", row.key, error)
        self._store.outbox.give_up(row)
        return None

    def _share(self, row: Outgoing, exhibit: Exhibit, content: bytes) -> None:
        where = (exhibit.channel, exhibit.thread)
        if not (row.maybe_sent and self._chat.has_file(*where, exhibit.name)):
            self._store.outbox.sending(row)
            crash_point("message-intended")
            said = caption(exhibit.plots)
            self._chat.upload(*where, name=exhibit.name, title=exhibit.title, content=content, caption=said)
            crash_point("message-sent")
        self._store.outbox.sent(row, None)

    def _is_too_early(self, row: Outgoing) -> bool:
        """Whether the message under which it goes is still on its way."""
        after = str(row.data.get("after") or "")
        return bool(after) and self._store.outbox.ts_of(after) is None and not self._store.outbox.is_given_up(after)

    def _of_run(self, row: Outgoing, run: Run) -> Exhibit | None:
        name = str(row.data.get("picture") or "")
        kept = self._store.gallery.of(run.id) or as_far_as_it_came(run.progress.get("curve") or {})
        plots = pictures(kept).get(name)
        if run.thread is None or plots is None:
            return None
        return Exhibit(run.channel, run.thread, f"run-{run.id}-{name}.png", title(name, run.tag), plots)

    def _of_two(self, row: Outgoing) -> Exhibit | None:
        """The curves of two runs in one, below the message that compares them."""
        one, other = (self._store.run(int(number)) for number in row.data["runs"])
        thread = str(row.data.get("thread") or self._store.outbox.ts_of(str(row.data.get("after"))) or "")
        if one is None or other is None or not thread:
            return None
        names = (one.tag, other.tag) if one.tag != other.tag else (f"run {one.id}", f"run {other.id}")
        plots = beside(self._store.gallery.of(one.id), self._store.gallery.of(other.id), names)
        if not plots:
            return None
        name = f"{row.key}.png"
        return Exhibit(row.channel, thread, name, title(CURVES, " and ".join(names)), plots)
