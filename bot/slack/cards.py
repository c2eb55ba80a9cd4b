"""The cards that are already in Slack, kept up to date: coalesced, the important ones first."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bot.clock import Clock
from bot.errors import DoorError, Unauthorised, Unavailable
from bot.ports import Chat, Message
from bot.runs.model import Kind, Phase, Run
from bot.runs.store import Store
from bot.slack.blocks import mapping_of
from bot.slack.card import card, local_part
from bot.slack.pace import Pace
from bot.slack.remaining import Usual, remaining
from bot.slack.turn import Turn, Use, turn

log = logging.getLogger(__name__)

CARD_SECONDS = 2.0
"""Seconds between two edits of one card, unless something happened that people wait for."""
FRESH_SECONDS, SHARE = 15.0, 2.4
"""How often a card that only grows older is drawn again, and by how much more rarely with each further open run."""

_News = tuple[Phase, bool]


@dataclass(frozen=True)
class _Shown:
    """What a card shows: phase, whether it is being cancelled, the message itself; and since when (monotonic)."""

    news: _News
    message: Message
    at: float


class Cards:
    """Edits cards in place. For one thread at a time."""

    def __init__(self, store: Store, chat: Chat, clock: Clock, pace: Pace) -> None:
        self._store, self._chat, self._clock, self._pace = store, chat, clock, pace
        self._shown: dict[int, _Shown] = {}

    def show(self) -> float:
        """Edit the cards that are behind the ledger; returns the seconds until the next one wants it."""
        stale = sorted(self._store.stale_cards(), key=lambda each: self._order(each[0]))
        wish = FRESH_SECONDS
        for run, version in stale:
            delay = max(self._pace.until_edit(), self._too_soon(run))
            if delay <= 0 and self._edit(run, self.message(run)):
                self._store.card_shown(run.id, version)
            else:
                wish = min(wish, max(delay, self._pace.until_edit()))
        return min(wish, self._refresh({run.id for run, _ in stale}))

    def message(self, run: Run) -> Message:
        """The card as it should stand now."""
        return card(
            run,
            now=self._clock.now(),
            who=self._name(run.user),
            usual=self._usual(run),
            queue=self._turn(run) if run.phase is Phase.QUEUED else None,
            cost=self._store.costs.of_run(run),
            retried=self._store.retry_of(run.id) if run.phase.ended else None,
        )

    def _usual(self, run: Run) -> Usual:
        """What earlier runs took; of images that is not known, each is another one."""
        if run.phase.ended or run.kind is not Kind.TRAIN:
            return Usual()
        stage = str(mapping_of(run.progress, "stage").get("name"))
        after = self._store.usual_after(run.project, run.queue, stage) if run.phase is Phase.TRAINING else None
        return Usual(self._store.usual_seconds(run.project, run.queue), after)

    def _turn(self, run: Run) -> Turn | None:
        lines = self._store.lines
        pool = lines.is_pool(run.queue) and run.location == run.queue  # else it is for one machine, maybe of a pool
        machines = lines.machines(run.queue) if pool else (run.location,)
        line = [each.id for each in self._store.queue(run.queue) if pool or each.location in (run.queue, *machines)]
        return turn(
            line.index(run.id) + 1 if run.id in line else 1,
            [use for name in machines if (use := self._use(name, run)) is not None],
            machines=len(machines),
            pool=pool,
            usual_seconds=self._store.usual_seconds(run.project, run.queue),
        )

    def _use(self, machine: str, run: Run) -> Use | None:
        """What keeps the machine from that run; None when nothing does. Its person's own hold does not."""
        now = self._clock.now()
        holder = self._store.holder(machine)
        row = self._store.machines.get(machine)
        by = row.holder(now)
        held_by = by if by != run.user else None
        if holder is None and held_by is None:
            return None
        ends = [row.held_until] if held_by else []
        if holder is not None:
            left = remaining(holder, now, self._usual(holder))
            ends.append(None if left is None or left.of_stage else now + left.seconds)
        known = [end for end in ends if end is not None]
        return Use(
            machine,
            run=holder,
            who=(self._name(holder.user) or local_part(holder)) if holder else "",
            held_by=(self._name(held_by) or "somebody else") if held_by else "",
            held_until=row.held_until if held_by else None,
            reason=row.held_reason if held_by else "",
            free_at=max(known) if len(known) == len(ends) else None,
        )

    def _name(self, user: str) -> str:
        person = self._store.people.get(user)
        return person.name if person else ""

    def _refresh(self, just_tried: set[int]) -> float:
        """Draw open cards again whose times and places have moved on, unless they would look the same."""
        open_runs: Sequence[Run] = [run for run in self._store.runs(only_open=True, limit=100) if run.thread]
        period = max(FRESH_SECONDS, SHARE * len(open_runs))
        now = self._clock.monotonic()
        for run in open_runs:
            shown = self._shown.get(run.id)
            if run.id in just_tried or (shown and now - shown.at < period) or self._pace.until_edit() > 0:
                continue
            message = self.message(run)
            if shown and shown.message == message:
                self._shown[run.id] = _Shown(_news(run), message, now)
            else:
                self._edit(run, message)
        for run_id in self._shown.keys() - {run.id for run in open_runs} - just_tried:
            del self._shown[run_id]
        return period

    def _edit(self, run: Run, message: Message) -> bool:
        """Edit one card; True when the ledger's version of it counts as shown."""
        self._pace.editing()
        try:
            self._chat.update(run.channel, run.thread or "", message)
        except Unavailable as error:
            if error.retry_after is None:
                self._pace.failed()
            else:
                self._pace.refused("edit", error.retry_after)
            return False
        except Unauthorised as error:
            log.warning("card of run %s: %s", run.id, error)
            self._pace.failed()
            return False
        except DoorError as error:
            log.warning("card of run %s was left as it is: %s", run.id, error)
        else:
            self._pace.worked()
        self._shown[run.id] = _Shown(_news(run), message, self._clock.monotonic())
        return True

    def _too_soon(self, run: Run) -> float:
        shown = self._shown.get(run.id)
        if shown is None or shown.news != _news(run):
            return 0.0
        return CARD_SECONDS - (self._clock.monotonic() - shown.at)

    def _order(self, run: Run) -> tuple[bool, bool, float]:
        """Ended runs first, then those with news, then whoever was not shown for longest."""
        shown = self._shown.get(run.id)
        return not run.phase.ended, shown is not None and shown.news == _news(run), shown.at if shown else 0.0


def _news(run: Run) -> _News:
    return run.phase, run.cancelled_by is not None
