"""The composition root: the only module that names concrete classes and schedules jobs."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from bot.clock import Clock, SystemClock
from bot.engine import merge_notes
from bot.engine.bell import Bell
from bot.engine.scout import Scout
from bot.engine.upkeep import LOOK_SECONDS, look_after
from bot.engine.wishes import answer_people
from bot.engine.worker import Worker
from bot.engine.world import Doors, Project, Terms, World
from bot.errands import Errands
from bot.errors import DoorError
from bot.gitlab import GitLabProject
from bot.heartbeat import BEAT_SECONDS, beat, verdict
from bot.locations.catalog import Powers, machine
from bot.locations.prices import AwsPriceList, Prices
from bot.lock import SingleInstance
from bot.looks import Looks
from bot.public_files import S3PublicFiles
from bot.runs.lines import Lines
from bot.runs.logbook import LogBook
from bot.runs.store import Store
from bot.settings import LocationSettings, Settings, all_locations, all_projects, line_of
from bot.slack.app import SlackFront
from bot.slack.chat import SlackChat, web_client
from bot.slack.daily import tell_digests
from bot.slack.plots import Painter
from bot.slack.screens import SlackScreens
from bot.slack.spelling import Spelling
from bot.slack.thread import Delivery
from bot.step_secrets import step_secrets
from commands import COMMANDS
from commands import home as home_tab
from commands.desk import Desk, LocationFacts

if TYPE_CHECKING:
    from bot.web.server import WebServer

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
        self.store = Store(home / "ledger.sqlite", clock, lines=_lines(locations))
        self._work, self._said = Bell(), Bell()
        self._stopping = threading.Event()
        spelling = Spelling(settings.command_prefix, [command.name for command in COMMANDS])
        slack = web_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
        chat = SlackChat(slack, spelling)
        logs = LogBook(home / "logs")
        powers = Powers(settings)
        self._prices = _prices(settings, locations, powers, clock)
        self.world = _world(
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
        # A thread for each machine, so that one whose cloud or shell is slow holds up no other.
        pool = ThreadPoolExecutor(len(locations) + OTHER_JOBS)
        self._scheduler = BackgroundScheduler(timezone="UTC", executors={"default": pool})
        self._errands, self._looks = Errands(), Looks(clock)
        self._scout = Scout(self.world)
        self._desk = _desk(
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
            **_line(settings),
        )
        self._web = _web(settings, self._front, self.store, home)

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

    def _every(self, seconds: float, deed: Callable[..., None], *args: object) -> None:
        """Have it done now and again and again; a turn is skipped while the one before it is not over."""
        now = datetime.now(tz=UTC)
        self._scheduler.add_job(
            deed, "interval", args=args, seconds=seconds, next_run_time=now, max_instances=1, coalesce=True
        )

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


def _list_branches(scouts: Iterable[Scout]) -> None:
    """What the list of branches is answered from; a modal that opens asks for the newest ones itself."""
    for scout in scouts:
        try:
            scout.refresh_all()
        except DoorError as error:
            log.warning("listing the branches: %s", error)


def _world(
    settings: Settings,
    *,
    store: Store,
    clock: Clock,
    chat: SlackChat,
    logs: LogBook,
    locations: Mapping[str, LocationSettings],
    powers: Powers,
    prices: Prices,
) -> World:
    projects = {path: _doors(each) for path, each in all_projects(settings).items()}
    own = projects[settings.gitlab_project]
    return World(
        store=store,
        clock=clock,
        code=own.code,
        public=own.public,
        chat=chat,
        project=own.project,
        locations={name: machine(name, location, settings, powers) for name, location in locations.items()},
        terms={name: _terms(location, settings) for name, location in locations.items()},
        logs=logs,
        location_for=_location_for(locations),
        price_of=prices.of,
        secrets=own.secrets,
        no_location_help=_no_location_help(settings),
        fallback_channel=settings.slack_fallback_channel or "",
        others=projects if settings.projects else {},
    )


def _doors(settings: Settings) -> Doors:
    """What one project has of its own, from the settings as they are for it (`all_projects`)."""
    return Doors(
        project=Project(
            path=settings.gitlab_project,
            git_url=f"{settings.gitlab_url.rstrip('/')}/{settings.gitlab_project}.git",
            remote=settings.dvc_remote,
            release_outs=settings.release_outs,
            committer=settings.committer,
            registry=settings.image_registry,
            build_arguments=settings.image_build_args,
        ),
        code=GitLabProject(settings.gitlab_url, settings.gitlab_project, settings.gitlab_token.get_secret_value()),
        public=S3PublicFiles(
            settings.public_bucket,
            region=settings.aws_region,
            endpoint_url=settings.aws_endpoint_url,
            prefix=settings.public_prefix,
            public_base_url=settings.public_base_url,
        ),
        secrets=step_secrets(settings, os.environ),
    )


def _line(settings: Settings) -> Mapping[str, str]:
    """What the front needs to hear Slack: one of the two."""
    name, secret = (
        ("signing_secret", settings.slack_signing_secret)
        if settings.mode == "http"
        else ("app_token", settings.slack_app_token)
    )
    return {name: secret.get_secret_value()} if secret is not None else {}


def _web(settings: Settings, front: SlackFront, store: Store, home: Path) -> WebServer | None:
    """What answers over HTTP, where the settings open a port."""
    if settings.port is None:
        return None
    from bot.web.metrics import metrics  # noqa: PLC0415 - a bot that opens no port has no web server in its memory
    from bot.web.server import WebServer  # noqa: PLC0415
    from bot.web.site import site  # noqa: PLC0415

    requests = front.requests
    app = site(
        health=lambda: verdict(home, SystemClock().now()),
        metrics=lambda: metrics(store.counts, front),
        receive=requests.receive if requests is not None else None,
    )
    return WebServer(app, host=settings.http_host, port=settings.port)


def _prices(settings: Settings, locations: Mapping[str, LocationSettings], powers: Powers, clock: Clock) -> Prices:
    return Prices(
        {name: each.price_per_hour for name, each in locations.items() if each.price_per_hour is not None},
        {name: each.instance for name, each in locations.items() if each.power == "ec2" and each.instance},
        AwsPriceList(powers.client, region=settings.aws_region, endpoint_url=settings.aws_endpoint_url),
        clock,
    )


def _terms(location: LocationSettings, settings: Settings) -> Terms:
    idle = settings.idle_minutes if location.idle_minutes is None else location.idle_minutes
    return Terms(
        max_hours=location.max_hours,
        start_seconds=settings.start_minutes * 60,
        idle_seconds=idle * 60,
        builds=(location.runtime or settings.stationmaster_runtime) == "docker",
        lease_seconds=(settings.deadman_minutes or 0.0) * 60,
    )


def _lines(locations: Mapping[str, LocationSettings]) -> Lines:
    members: dict[str, tuple[str, ...]] = {}
    for name, location in locations.items():
        line = line_of(name, location)
        members[line] = (*members.get(line, ()), name)
    return Lines(members)


def _location_for(locations: Mapping[str, LocationSettings]) -> Callable[[str], str | None]:
    own = {location.owner.casefold(): line_of(name, location) for name, location in locations.items() if location.owner}
    shared = next((line_of(name, location) for name, location in locations.items() if location.shared), None)
    return lambda email: own.get(email.casefold(), shared)


def _no_location_help(settings: Settings) -> str:
    whom = settings.help_contact or "whoever runs Stationmaster here"
    return f"Ask {whom} to add one for you (the setting TRAIN_INSTANCE_FOR_USER, or a table in the TOML file)."


def _desk(
    settings: Settings,
    *,
    store: Store,
    clock: Clock,
    locations: Mapping[str, LocationSettings],
    world: World,
    wake: Callable[[], None],
    screens: SlackScreens,
    later: Callable[[Callable[[], None]], None],
    looks: Looks,
    workspace: Callable[[], str],
    scout: Scout,
) -> Desk:
    return Desk(
        store=store,
        clock=clock,
        project=settings.gitlab_project,
        locations={
            name: LocationFacts(
                name=name,
                owner_email=location.owner,
                shared=location.shared,
                pool=location.pool,
                power=location.power,
                switchable=world.locations[name].stoppable,
                price_per_hour=location.price_per_hour,
            )
            for name, location in locations.items()
        },
        location_for=world.location_for,
        admins=frozenset(settings.slack_admins),
        help_contact=settings.help_contact,
        wake=wake,
        scout=scout,
        screens=screens,
        later=later,
        look=looks.run,
        gitlab_is_slow=looks.slow,
        log_tail=world.logs.tail,
        workspace=workspace,
        project_of=_project_of(settings) if settings.projects else None,
    )


def _project_of(settings: Settings) -> Callable[[str], str]:
    """Channel -> its project's path."""
    named = {channel: each.gitlab_project for each in settings.projects.values() for channel in each.channels}
    return lambda channel: named.get(channel, settings.gitlab_project)
