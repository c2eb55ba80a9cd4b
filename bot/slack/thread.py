"""Delivery: what the ledger says, brought to Slack in order, once, and no faster than Slack likes.

Exactly once (faults 9 to 12): the intent is recorded before the call, and a row whose call may have worked is looked
for by its key before it is said again. A thread is a projection of the ledger: an outage loses nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bot.clock import Clock
from bot.crashpoints import crash_point
from bot.errors import DoorError, NotFound, Unauthorised, Unavailable
from bot.ports import Chat, Message
from bot.runs.model import Note, Run
from bot.runs.outbox import Outgoing
from bot.runs.store import Store
from bot.slack import words
from bot.slack.blocks import section
from bot.slack.cards import Cards
from bot.slack.comparing import comparison
from bot.slack.ending import terminal
from bot.slack.heads_up import heads_up
from bot.slack.milestones import milestone
from bot.slack.pace import Pace
from bot.slack.plots import Painter
from bot.slack.uploads import Pictures

log = logging.getLogger(__name__)

IDLE_SECONDS = 15.0
"""How long until the next look when nothing is known to be due."""
STUMBLE_SECONDS = 5.0
TRIES = 5
"""How often a message that Slack does not like is tried before the ledger keeps it for itself."""
MOST_MERGED = 9_000
"""Characters of blocks in one message of several milestones."""
SKEW_SECONDS = 3_600.0
"""How far Slack's clock and ours may differ when a lost message is looked for."""
LARGEST_LOG = 30_000_000
"""Bytes of a log that are attached; of a larger one the end."""
_ROUNDS = 20


class Delivery:
    """Brings the outbox and the cards to Slack. For one thread at a time."""

    def __init__(
        self,
        store: Store,
        chat: Chat,
        clock: Clock,
        *,
        logs: Path,
        painter: Painter | None = None,
        fallback_channel: str | None = None,
    ) -> None:
        self._store, self._chat, self._clock = store, chat, clock
        self._logs, self._fallback = logs, fallback_channel
        self._pace = Pace(clock)
        self._cards = Cards(store, chat, clock, self._pace)
        self._pictures = Pictures(store, chat, painter)
        self._wish = IDLE_SECONDS

    def deliver(self) -> float:
        """Say and show what is due; returns the seconds until it wants to be called again. Never raises."""
        self._wish = IDLE_SECONDS
        try:
            for _ in range(_ROUNDS):
                if not self._round():
                    break
            due = self._store.outbox.next_due()
            if due is not None:
                self._again(max(due - self._clock.now(), 0.0 if self._wish >= IDLE_SECONDS else self._wish))
            self._again(self._cards.show())
        except Exception:
            log.exception("delivery stumbled")
            return STUMBLE_SECONDS
        return max(0.02, self._wish)

    def _round(self) -> bool:
        """Try each row that is due; True when one left the outbox, so that what stood behind it may follow."""
        rows = self._store.outbox.due(limit=50)
        tried = [(row, self._store.run(row.run_id) if row.run_id else None) for row in rows]
        tried.sort(key=lambda each: (not _urgent(each[1]), each[0].id))
        return any([self._try(row, run) for row, run in tried])  # noqa: C419 - each is tried, also after a success

    def _try(self, row: Outgoing, run: Run | None) -> bool:
        place = run.channel if run else row.channel
        delay = self._pace.until_post(place, urgent=_urgent(run))
        if delay > 0:
            self._again(delay)
            return False
        try:
            self._send(row, run)
        except DoorError as error:
            return self._not_sent(row, run, error)
        self._pace.worked()
        return True

    def _send(self, row: Outgoing, run: Run | None) -> None:
        if row.kind == "whisper":
            self._whisper(row)
        elif row.kind in ("notice", "comparison", "heads-up"):
            self._notice(row)
        elif row.kind == "picture":
            self._pictures.send(row, run)
        elif run is None:
            self._store.outbox.give_up(row)
        elif row.kind == "card":
            self._post_card(row, run)
        elif row.kind == "log-file":
            self._upload(row, run)
        else:
            self._post_in_thread(row, run)

    def _whisper(self, row: Outgoing) -> None:
        self._store.outbox.sending(row)
        self._chat.whisper(row.channel, row.user, _as_it_is(row), thread=row.data.get("thread"))
        self._store.outbox.sent(row, None)

    def _notice(self, row: Outgoing) -> None:
        """What concerns a channel, one of its threads, or a person, and is not said in a thread of a run."""
        message = self._notice_of(row)
        ts, thread = None, str(row.data.get("thread") or "") or None
        if row.maybe_sent:
            ts = self._chat.find(row.channel, row.key, thread=thread, since=row.created_at - SKEW_SECONDS)
        if ts is None:
            self._store.outbox.sending(row)
            self._pace.posting(row.channel)
            ts = self._chat.post(row.channel, message, thread=thread)
        self._store.outbox.sent(row, ts)

    def _notice_of(self, row: Outgoing) -> Message:
        if row.kind == "heads-up":
            return self._heads_up(row)
        if row.kind == "comparison":
            one, other = (self._store.run(int(number)) for number in row.data["runs"])
            if one is not None and other is not None:
                return comparison(one, other, row.data, key=row.key)
        return _as_it_is(row)

    def _heads_up(self, row: Outgoing) -> Message:
        """The end of a run, for somebody outside of its thread."""
        run = self._store.run(int(row.data["run"]))
        if run is None:
            raise NotFound(f"run {row.data['run']} is not in the ledger")
        person = self._store.people.get(run.user)
        thread = self._chat.address(run.channel, run.thread) if run.thread else ""
        return heads_up(run, key=row.key, who=person.name if person else "", thread=thread)

    def _post_card(self, row: Outgoing, run: Run) -> None:
        version = self._store.version(run.id)
        run = self._store.run(run.id) or run
        ts = self._sent_before(row, run)
        if ts is None:
            ts = self._post([row], run, replace(self._cards.message(run), key=row.key))
        else:
            version = 0  # what it shows is not known: let it be edited
        self._store.outbox.sent(row, ts, shown_version=version)

    def _post_in_thread(self, row: Outgoing, run: Run) -> None:
        ts = self._sent_before(row, run)
        if ts is not None:
            self._store.outbox.sent(row, ts)
            return
        if run.thread is None and row.kind == "milestone":
            self._store.outbox.give_up(row)  # the card could not be posted, so there is no thread
            return
        rows = [row]
        if row.kind == "milestone" and not row.maybe_sent:
            rows += self._store.outbox.behind(row)
        rows, message = self._said(rows, run)
        ts = self._post(rows, run, message)
        for each in rows:
            self._store.outbox.sent(each, ts)

    def _said(self, rows: list[Outgoing], run: Run) -> tuple[list[Outgoing], Message]:
        """The message of one row, or of as many milestones as fit: it has all their keys, so each is found again."""
        names = self._names(run)
        if rows[0].kind == "terminal":
            note = Note("terminal", rows[0].text, rows[0].data)
            cost = self._store.costs.of_run(run)
            return rows[:1], terminal(run, note, key=rows[0].key, names=names, cost=cost)
        lines: list[Message] = []
        room = MOST_MERGED
        for row in rows:
            line = milestone(run, Note(row.kind, row.text, row.data), names=names)
            room -= words.weight(line.text) + 200
            if lines and room < 0:
                break
            lines.append(line)
        rows = rows[: len(lines)]
        return rows, Message(
            key=" ".join(row.key for row in rows),
            text="\n".join(line.text for line in lines),
            blocks=[block for line in lines for block in line.blocks],
        )

    def _post(self, rows: list[Outgoing], run: Run, message: Message) -> str:
        for row in rows:
            self._store.outbox.sending(row)
        self._pace.posting(run.channel)
        thread = None if rows[0].kind == "card" else run.thread
        crash_point("message-intended")
        try:
            ts = self._chat.post(run.channel, message, thread=thread, in_channel=self._in_channel(rows[0], run))
            crash_point("message-sent")
        except Unavailable as error:
            for row in rows[1:]:
                self._store.outbox.unsent(row, seconds=0.0, surely=error.retry_after is not None)
            raise
        except (Unauthorised, NotFound):
            raise
        except DoorError as error:
            log.warning("message %s goes without its blocks: %s", message.key, error)
            return self._chat.post(run.channel, replace(message, blocks=()), thread=thread)
        return ts

    def _in_channel(self, row: Outgoing, run: Run) -> bool:
        """Whether the message shows in the channel too: the last one, where its person or the channel wants that."""
        wanted = self._store.preferences.of(run.user).also_channel or self._store.subscriptions.concern(run)
        return row.kind == "terminal" and wanted

    def _sent_before(self, row: Outgoing, run: Run) -> str | None:
        if not row.maybe_sent:
            return None
        thread = None if row.kind == "card" else run.thread
        return self._chat.find(run.channel, row.key, thread=thread, since=row.created_at - SKEW_SECONDS)

    def _upload(self, row: Outgoing, run: Run) -> None:
        path = self._logs / f"run-{run.uid}.log"
        if run.thread is None or not path.exists():
            self._store.outbox.give_up(row)
            return
        name = f"run-{run.id}.log"
        if not (row.maybe_sent and self._chat.has_file(run.channel, run.thread, name)):
            self._store.outbox.sending(row)
            content = _end_of(path)
            self._chat.upload(run.channel, run.thread, name=name, title=f"Full log of run {run.id}", content=content)
        self._store.outbox.sent(row, None)

    def _not_sent(self, row: Outgoing, run: Run | None, error: DoorError) -> bool:
        """Decide what becomes of a row that did not go; True when the outbox moved on."""
        if row.kind == "picture":
            return self._no_picture(row, error)
        if isinstance(error, Unavailable | Unauthorised):
            self._wait(row, error)
            return False
        log.warning("message %s: %s", row.key, error)
        if isinstance(error, NotFound) and run is not None and row.kind != "log-file":
            return self._move(row, run)
        if row.tries + 1 >= TRIES or isinstance(error, NotFound):
            self._store.outbox.give_up(row)
            return True
        self._store.outbox.unsent(row, seconds=1.0 + row.tries, surely=True)
        return False

    def _no_picture(self, row: Outgoing, error: DoorError) -> bool:
        seconds = self._pictures.not_sent(row, error)
        if seconds is None:
            return True
        if isinstance(error, Unavailable) and error.retry_after is not None:
            self._pace.refused("post", error.retry_after)
        self._again(seconds)
        return False

    def _wait(self, row: Outgoing, error: DoorError) -> None:
        retry_after = error.retry_after if isinstance(error, Unavailable) else None
        if retry_after is not None:
            self._pace.refused("post", retry_after)
            seconds = retry_after
        else:
            seconds = self._pace.failed()
            log.warning("Slack is away, next try in %.0f s: %s", seconds, error)
        surely = (retry_after is not None or isinstance(error, Unauthorised)) and not row.maybe_sent
        self._store.outbox.unsent(row, seconds=seconds, surely=surely)
        self._again(seconds)

    def _move(self, row: Outgoing, run: Run) -> bool:
        """The channel is closed to us: go on in the person's direct messages, else in the fallback channel."""
        homes = [run.user, *([self._fallback] if self._fallback else [])]
        left = homes[homes.index(run.channel) + 1 :] if run.channel in homes else homes
        if left:
            log.warning("run %s: %s is closed to the app, going on in %s", run.id, run.channel, left[0])
            self._store.outbox.move(run.id, left[0])
        else:
            self._store.outbox.give_up(row)
        return True

    def _names(self, run: Run) -> Mapping[str, str]:
        person = self._store.people.get(run.cancelled_by) if run.cancelled_by else None
        return {person.id: person.name} if person else {}

    def _again(self, seconds: float) -> None:
        self._wish = min(self._wish, seconds)


def _as_it_is(row: Outgoing) -> Message:
    """A row that says itself how it looks, or one of prose."""
    blocks = row.data.get("blocks")
    text = row.text if blocks else words.prose(row.text)
    return Message(row.key, text, blocks or [section(text)])


def _urgent(run: Run | None) -> bool:
    """What people wait for goes first: refusals, cards, and the last words of a run."""
    return run is None or run.phase.ended or run.thread is None


def _end_of(path: Path) -> bytes:
    left_out = max(0, path.stat().st_size - LARGEST_LOG)
    with path.open("rb") as file:
        file.seek(left_out)
        content = file.read()
    note = f"(the first {words.size(left_out)} are left out: the log is too large to attach)\n" if left_out else ""
    return note.encode() + content
