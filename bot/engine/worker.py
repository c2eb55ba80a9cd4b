"""Claim, process, apply: the loop that moves every request and every run. Recovery after a crash is only requeueing."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from bot.crashpoints import crash_point
from bot.engine import policy
from bot.engine.bell import Bell
from bot.engine.intake import check
from bot.engine.phases import farewell, process
from bot.engine.policy import Outcome, milestone
from bot.engine.world import World
from bot.runs.model import SENTENCES, Phase, Reason, Run
from bot.runs.requests import Request

log = logging.getLogger(__name__)

LONGEST_WAIT = 1.0
"""Seconds after which a waiting thread looks at the ledger anyway (a clock may jump)."""
BROKEN_TRIES = 3
"""How often a deed of one run may raise what nobody expected, until the run is failed instead of tried for ever."""


class Worker:
    """Any number of threads may run `once`; the ledger's leases keep them apart."""

    def __init__(self, world: World, *, bell: Bell, said: Callable[[], None]) -> None:
        self._world = world
        self._bell = bell
        self._said = said
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        # One request at a time: a burst of commands must not hold up its own acknowledgements.
        self._intake = threading.Lock()
        # Leases of work whose result could not be written (a full disk): let go, or it would rest for two minutes.
        self._unwritten: deque[str] = deque()

    def start(self, threads: int) -> None:
        """Begin working in the background."""
        for number in range(threads):
            thread = threading.Thread(target=self._loop, name=f"worker-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Finish what is in hand, then stop."""
        self._stop.set()
        self._bell.ring()
        for thread in self._threads:
            thread.join(timeout=30)

    def once(self) -> bool:
        """Do one thing that is due; False when nothing was."""
        self._let_go()
        return self._one_request() or self._one_run()

    def _loop(self) -> None:
        while not self._stop.is_set():
            since = self._bell.count
            try:
                worked = self.once()
            except Exception:  # the loop must outlive a full disk or a locked ledger
                log.exception("the worker stumbled")
                worked = False
            if not worked:
                self._bell.wait(since, self._pause())
        self._world.store.close()

    def _pause(self) -> float:
        try:
            due = self._world.store.next_due()
        except Exception:
            log.exception("the ledger cannot be read")
            return LONGEST_WAIT
        # A request that another thread has in hand looks due all the time.
        shortest = 0.1 if self._intake.locked() else 0.01
        return LONGEST_WAIT if due is None else min(LONGEST_WAIT, max(shortest, due - self._world.clock.now()))

    def _one_request(self) -> bool:
        if not self._intake.acquire(blocking=False):
            return False
        try:
            request = self._world.store.requests.claim()
            if request is None:
                return False
            crash_point("request-claimed")
            with self._letting_go_of(request.lease):
                self._check(request)
        finally:
            self._intake.release()
        self._said()
        self._bell.ring()
        return True

    def _check(self, request: Request) -> None:
        """A defect of ours in one command's check: try a few times, then say so, for its person waits for an answer."""
        try:
            check(request, self._world)
        except Exception:
            log.exception("request %s stumbled", request.id)
            if request.tries < BROKEN_TRIES:
                self._world.store.requests.put_back(request, seconds=2.0 * (request.tries + 1))
            else:
                self._world.store.requests.refuse(request, f"Nothing was started. {SENTENCES[Reason.INTERNAL]}")

    def _one_run(self) -> bool:
        claimed = self._world.store.claim()
        if claimed is None:
            return False
        run, lease = claimed
        with self._letting_go_of(lease):
            if run.phase is Phase.QUEUED:
                self._queued(run, lease)
            else:
                self._move(run, lease)
        return True

    @contextmanager
    def _letting_go_of(self, lease: str) -> Iterator[None]:
        try:
            yield
        except Exception:
            self._unwritten.append(lease)
            raise

    def _let_go(self) -> None:
        while self._unwritten:
            lease = self._unwritten.popleft()
            with self._letting_go_of(lease):
                self._world.store.let_go(lease)

    def _queued(self, run: Run, lease: str) -> None:
        if run.cancelled_by:
            ended = policy.cancelled(run)
            self._apply(run, lease, replace(ended, notes=farewell(ended.run)))
            return
        store = self._world.store
        if not any(name in self._world.locations for name in store.lines.machines(run.queue)):
            ended = policy.fail(run, Reason.START_REFUSED, message=f"There is no location `{run.queue}` any more.")
            self._apply(run, lease, replace(ended, notes=farewell(ended.run)))
            return
        waited = self._world.clock.now() - run.created_at
        waits = bool(run.progress.get("waits"))
        notes = (milestone("your-turn", waited=waited),) if waits else ()
        reserved = store.reserve(run, lease, notes=notes)
        if reserved is not None:
            crash_point("reserved")
        if reserved is not None or not waits:
            self._said()

    def _move(self, run: Run, lease: str) -> None:
        crash_point(f"{run.phase}-before")
        try:
            outcome = process(run, self._world)
        except Exception:
            log.exception("run %s stumbled in %s", run.id, run.phase)
            outcome = self._stumbled(run)
        crash_point(f"{run.phase}-after")
        self._apply(run, lease, outcome)
        crash_point(f"{outcome.run.phase}-recorded")

    def _apply(self, run: Run, lease: str, outcome: Outcome) -> None:
        written = self._world.store.apply(
            run,
            lease,
            outcome.run,
            due_in=outcome.due_in,
            notes=outcome.notes,
            elsewhere=outcome.elsewhere,
            uncancel=outcome.uncancel,
        )
        if not written:
            log.warning("run %s: a stale result was dropped", run.id)
            return
        if outcome.notes or outcome.run != run:
            self._said()

    def _stumbled(self, run: Run) -> Outcome:
        """A defect of ours in one run's deed: try a few times, then end that run and no other."""
        tries = int(run.progress.get("stumbles", 0)) + 1
        run = replace(run, progress={**run.progress, "stumbles": tries})
        if tries <= BROKEN_TRIES:
            return policy.wait(run, 2.0 * tries)
        if run.phase.ended:
            return policy.wait(run, 60.0)
        outcome = policy.fail(run, Reason.INTERNAL)
        return outcome if run.holds else replace(outcome, notes=farewell(outcome.run))
