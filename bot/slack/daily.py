"""Telling the digests whose hour has come: what the ledger says of a day, into the outbox, once a day and place."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from bot.runs.digests import Digest, zone
from bot.runs.store import Store
from bot.slack.digest import Day, digest

log = logging.getLogger(__name__)


def tell_digests(store: Store, wake: Callable[[], None]) -> None:
    """Look once who is due. Never raises."""
    try:
        for due, begin, end in store.digests.due():
            text, blocks = digest(_day(store, due, begin, end))
            if store.digests.say(due, end, text, blocks):
                wake()
    except Exception:
        log.exception("the digests stumbled")


def _day(store: Store, due: Digest, begin: float, end: float) -> Day:
    runs = [(run, _name(store, run.user)) for run in store.ended(due.project or None, begin, end)]
    bill = [each for each in store.costs.between(begin, end) if each.project in (due.project, "") or not due.project]
    return Day(datetime.fromtimestamp(end, tz=zone(due.tz)), runs, bill)


def _name(store: Store, user: str) -> str:
    person = store.people.get(user)
    return person.name if person else ""
