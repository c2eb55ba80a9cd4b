"""Looks at what people ask to be looked up: on threads of their own, since whoever is asked (GitLab) may take long.

So nothing that has a deadline waits behind them. Nothing that a run depends on: what is on its way is lost with the
process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor

from bot.clock import Clock
from bot.errands import done

THREADS = 4
"""Looks at the same time: each may ask for several files at once, and GitLab serves others too."""
SLOW_SECONDS = 5.0
"""A look usually takes 1 to 2 s; of one that takes longer, whoever asks next should be told."""


class Looks:
    """Takes looks from its making until `stop`. Of one asker (`who`) one is done at a time, and one waits."""

    def __init__(self, clock: Clock, threads: int = THREADS) -> None:
        self._clock = clock
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="look")
        self._lock = threading.Lock()
        self._begun: dict[Hashable, float] = {}
        self._waiting: dict[Hashable, Callable[[], None]] = {}
        self._asking: set[Hashable] = set()
        self._stopped = False

    def run(self, who: Hashable, look: Callable[[], None]) -> None:
        """Have it done when a thread is free and the asker's last look is over.

        A later one takes the place of one that waits. What it raises goes to the log.
        """
        with self._lock:
            if self._stopped:
                return
            self._waiting[who] = look
            if who not in self._asking:
                self._asking.add(who)
                self._pool.submit(self._work, who)

    def slow(self) -> bool:
        """Whether somebody waits for an answer for so long that the next one may have to as well."""
        with self._lock:
            late = self._clock.monotonic() - SLOW_SECONDS
            return any(begun < late for begun in self._begun.values())

    def stop(self) -> None:
        """Take no more, drop what has not begun, and finish what has."""
        with self._lock:
            self._stopped = True
            self._waiting.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _work(self, who: Hashable) -> None:
        while (look := self._next(who)) is not None:
            done(look)

    def _next(self, who: Hashable) -> Callable[[], None] | None:
        with self._lock:
            look = self._waiting.pop(who, None)
            if look is None:
                self._asking.discard(who)
                self._begun.pop(who, None)
            else:
                self._begun[who] = self._clock.monotonic()
            return look
