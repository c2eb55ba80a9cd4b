"""The composition root: with assembly.py the only one that names concrete classes, and the one that schedules jobs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from bot.assembly import build_desk, build_prices, build_world, queues, slack_secret, web_server
from bot.clock import Clock, SystemClock
from bot.engine import merge_notes, statuses, triggers
from bot.engine.bell import Bell
from bot.engine.scout import Scout
from bot.engine.upkeep import LOOK_SECONDS, look_after
from bot.engine.wishes import answer_people
from bot.engine.worker import Worker
from bot.errands import Errands
from bot.errors import DoorError
from bot.heartbeat import BEAT_SECONDS, beat
from bot.locations.catalog import Powers
from bot.lock import SingleInstance
from bot.looks import Looks
from bot.pushes import Pushes
from bot.runs.logbook import LogBook
from bot.runs.store import Store
from bot.settings import Settings, all_locations
from bot.slack.app import SlackFront
from bot.slack.chat import SlackChat, web_client
from bot.slack.daily import tell_digests
from bot.slack.plots import Painter
from bot.slack.screens import SlackScreens
from bot.slack.spelling import Spelling
from bot.slack.thread import Delivery
from commands import COMMANDS
from commands import home as home_tab

if TYPE_CHECKING:
    pass

log = logging.getLogger(__name__)

WISH_LOOK_SECONDS = 2.0
OTHER_JOBS = 4
"""Threads of the scheduler for what is no machine's."""
PRICE_LOOK_SECONDS = 600
DIGEST_LOOK_SECONDS = 600
"""A digest comes within so long of its hour. Time zones begin hours at other minutes too."""
LIST_SECONDS = 600
"""Between two looks at all branches and tags."""


class Service:
    """Everything that `serve` runs, from settings; `start` returns when Slack's socket is open."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self._home = home = Path(settings.stationmaster_home).resolve()
        self._lock = SingleInstance(home / "stationmaster.lock")
        self._settings = settings
        locations = all_locations(settings)
        self.store = Store(home / "ledger.sqlite", clock, lines=queues(locations))
        self._work, self._said = Bell(), Bell()
        self._stopping = threading.Event()
        spelling = Spelling(settings.command_prefix, [command.name for command in COMMANDS])
        slack = web_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
        chat = SlackChat(slack, spelling)
        logs = LogBook(home / "logs")
        powers = Powers(settings)
        self._prices = build_prices(settings, locations, powers, clock)
        self.world = build_world(
            settings,
            store=self.store,
            clock=clock,
            chat=chat,
            logs=logs,
            locations=locations,
            powers=powers,
            prices=self._prices,
        )
        self._worker = Worker(self.world, bell=self._work, said=self._said.ring)
        self._painter = Painter(home / "matplotlib", clock)
        fallback = settings.slack_fallback_channel
        self._delivery = Delivery(
            self.store, chat, clock, logs=logs.folder, painter=self._painter, fallback_channel=fallback
        )
        self._deliverer = threading.Thread(target=self._deliver, name="delivery", daemon=True)
        self._answerer = threading.Thread(target=self._answer, name="wishes", daemon=True)
        self._homekeeper = threading.Thread(target=self._keep_homes, name="homes", daemon=True)
        self._scheduler = _scheduler(len(locations))
        self._errands, self._looks = Errands(), Looks(clock)
        self._scout = Scout(self.world)
        self._desk = build_desk(
            settings,
            workspace=chat.workspace,
            screens=SlackScreens(slack, spelling),
            later=self._errands.run,
            looks=self._looks,
            scout=self._scout,
            store=self.store,
            clock=clock,
            locations=locations,
            world=self.world,
            wake=self._wake,
        )
        self._front = SlackFront(
            self._desk,
            bot_token=settings.slack_bot_token.get_secret_value(),
            api_url=settings.slack_api_url,
            spelling=spelling,
            **slack_secret(settings),
        )
        self._pushes = Pushes(settings, self.world, self._wake)
        self._web = web_server(settings, self._front, self.store, home, self._pushes)

    def start(self) -> None:
        """Requeue what a crash left, then open for work."""
        self.store.requeue_all()
        for run in self.store.stranded(self.world.locations):
            log.warning(
                "run %s (%s) has the location %s, which is not in the settings any more: it is taken from it now. Look "
                "at that machine: something of the run may still live there, and nobody turns it off",
                run.id,
                run.tag,
                run.location,
            )
        for user in self._desk.admins | self._desk.approvers:
            self.store.people.meet(user)  # sentences name them before they have typed anything
        self._worker.start(self._settings.stationmaster_threads)
        self._deliverer.start()
        self._answerer.start()
        self._homekeeper.start()
        for name in self.world.locations:
            self._every(LOOK_SECONDS, look_after, self.world, name)
        self._every(PRICE_LOOK_SECONDS, self._prices.refresh)
        scouts = [self._scout.of(path) for path in self.world.others] or [self._scout]
        self._every(LIST_SECONDS, _list_branches, scouts)
        self._every(BEAT_SECONDS, beat, self._home, self._deliverer.is_alive)
        self._every(merge_notes.LOOK_SECONDS, merge_notes.write_notes, self.world)
        self._every(DIGEST_LOOK_SECONDS, tell_digests, self.store, self._said.ring)
        if self._pushes.on:
            self._pushes.soon = self._every(triggers.LOOK_SECONDS, self._pushes.look)
            self._every(statuses.LOOK_SECONDS, statuses.report, self.world)
        self._scheduler.start()
        self._front.start()
        if self._web is not None:
            self._web.start()
            log.info("listening on port %s of %s", self._web.port, self._settings.http_host)

    def stop(self) -> None:
        """Take no more commands, finish what is in hand; what runs on machines goes on."""
        if self._web is not None:
            self._web.stop()
        self._front.stop()
        self._errands.stop()
        self._looks.stop()
        self._scheduler.shutdown(wait=True)
        self._worker.stop()
        self._stopping.set()
        self._wake()
        self._answerer.join(timeout=30)
        self._homekeeper.join(timeout=30)
        self._deliverer.join(timeout=30)
        self._painter.close()
        self.store.close()
        self._lock.release()

    def _every(self, seconds: float, deed: Callable[..., None], *args: object) -> Callable[[], object]:
        """Have it done now and again and again; a turn is skipped while the one before it is not over.

        What it returns makes the next turn come now.
        """
        now = datetime.now(tz=UTC)
        job = self._scheduler.add_job(
            deed, "interval", args=args, seconds=seconds, next_run_time=now, max_instances=1, coalesce=True
        )
        return lambda: job.modify(next_run_time=datetime.now(tz=UTC))

    def _wake(self) -> None:
        self._work.ring()
        self._said.ring()

    def _deliver(self) -> None:
        while not self._stopping.is_set():
            since = self._said.count
            self._said.wait(since, self._delivery.deliver())
        self.store.close()

    def _keep_homes(self) -> None:
        seconds = home_tab.LOOK_SECONDS
        while not self._stopping.wait(seconds):
            try:
                seconds = home_tab.refresh(self._desk)
            except Exception:
                log.exception("the look at home tabs stumbled")
                seconds = home_tab.LOOK_SECONDS
        self.store.close()

    def _answer(self) -> None:
        """A thread of its own and no scheduled job: a command's bell wakes it, and a slow machine may keep it."""
        while not self._stopping.is_set():
            since = self._work.count
            try:
                if answer_people(self.world):
                    self._wake()
            except Exception:  # as the worker's loop, it must outlive a locked ledger
                log.exception("the look at people's wishes stumbled")
            self._work.wait(since, WISH_LOOK_SECONDS)
        self.store.close()


def _scheduler(machines: int) -> BackgroundScheduler:
    """A thread for each machine, so that one whose cloud or shell is slow holds up no other."""
    return BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(machines + OTHER_JOBS)})


def _list_branches(scouts: Iterable[Scout]) -> None:
    """What the list of branches is answered from; a modal that opens asks for the newest ones itself."""
    for scout in scouts:
        try:
            scout.refresh_all()
        except DoorError as error:
            log.warning("listing the branches: %s", error)
