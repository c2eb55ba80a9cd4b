"""Small things to be done at once and outside of the thread that thought of them: a modal to open, a tab to draw.

They talk to Slack alone; what asks GitLab, and may take longer, is a look (bot/looks.py). Nothing that a run depends
on: what is on its way here is lost with the process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bot.errors import DoorError

log = logging.getLogger(__name__)

THREADS = 4
"""A modal has 3 s from its press, and Slack may take a second of them."""


class Errands:
    """Takes errands from its making until `stop`."""

    def __init__(self, threads: int = THREADS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="errand")

    def run(self, deed: Callable[[], None]) -> None:
        """Have it done by the next free thread; what it raises goes to the log."""
        self._pool.submit(done, deed)

    def stop(self) -> None:
        """Take no more, drop what has not begun, and finish what has."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def done(deed: Callable[[], None]) -> None:
    """Do it here and now; what it raises goes to the log."""
    try:
        deed()
    except DoorError as error:
        log.warning("an errand was not done: %s", error)
    except Exception:
        log.exception("an errand stumbled")
