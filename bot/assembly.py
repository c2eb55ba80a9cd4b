"""The parts that `Service` runs, made from the settings: doors, the engine's world, the commands' desk."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bot.clock import Clock, SystemClock
from bot.engine.scout import Scout
from bot.engine.world import Doors, Project, Terms, World
from bot.gitlab import GitLabProject
from bot.heartbeat import verdict
from bot.location_settings import LocationSettings
from bot.locations.catalog import Powers, machine
from bot.locations.prices import AwsPriceList, Prices
from bot.looks import Looks
from bot.public_files import S3PublicFiles
from bot.pushes import Pushes
from bot.runs.allowance import Allowance
from bot.runs.lines import Lines
from bot.runs.logbook import LogBook
from bot.runs.store import Store
from bot.settings import Settings, all_projects, line_of, max_cost_of
from bot.slack.app import SlackFront
from bot.slack.chat import SlackChat
from bot.slack.screens import SlackScreens
from bot.step_secrets import step_secrets
from commands.desk import Desk, LocationFacts

if TYPE_CHECKING:
    from bot.web.server import WebServer

METADATA = "http://169.254.169.254"
"""Of every EC2 instance."""


def build_world(
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
    """All that the engine works with."""
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
        approvers=frozenset(settings.release_approvers or settings.slack_admins),
        allowance=Allowance(settings.runs_per_day, settings.runs_at_once, _whom_to_ask(settings)),
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


def slack_secret(settings: Settings) -> Mapping[str, str]:
    """What the front needs to hear Slack: one of the two."""
    name, secret = (
        ("signing_secret", settings.slack_signing_secret)
        if settings.mode == "http"
        else ("app_token", settings.slack_app_token)
    )
    return {name: secret.get_secret_value()} if secret is not None else {}


def web_server(settings: Settings, front: SlackFront, store: Store, home: Path, pushes: Pushes) -> WebServer | None:
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
        pushed=pushes.told if pushes.has_webhook else None,
    )
    return WebServer(app, host=settings.http_host, port=settings.port)


def build_prices(settings: Settings, locations: Mapping[str, LocationSettings], powers: Powers, clock: Clock) -> Prices:
    """What an hour of each location costs: as the settings say, else as AWS does."""
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
        max_cost=max_cost_of(location, settings),
        start_seconds=settings.start_minutes * 60,
        idle_seconds=idle * 60,
        builds=(location.runtime or settings.stationmaster_runtime) == "docker",
        lease_seconds=(settings.deadman_minutes or 0.0) * 60,
        notices=_notices(location, settings),
    )


def _notices(location: LocationSettings, settings: Settings) -> str | None:
    """Where a machine hears that the cloud takes it back; the bot's own, or a stand-in's, has nobody to ask."""
    if location.power != "ec2":
        return None
    own = (location.shell or settings.stationmaster_shell) == "local" or settings.aws_endpoint_url is not None
    return settings.aws_ec2_metadata_service_endpoint or (None if own else METADATA)


def queues(locations: Mapping[str, LocationSettings]) -> Lines:
    """Which locations share a queue: those of a pool."""
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
    whom = _whom_to_ask(settings)
    return f"Ask {whom} to add one for you (the setting TRAIN_INSTANCE_FOR_USER, or a table in the TOML file)."


def _whom_to_ask(settings: Settings) -> str:
    return settings.help_contact or "whoever runs Stationmaster here"


def build_desk(
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
    """What commands, buttons and forms are given."""
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
        approvers=world.approvers,
        allowance=world.allowance,
        help_contact=settings.help_contact,
        wake=wake,
        scout=scout,
        screens=screens,
        later=later,
        look=looks.run,
        gitlab_is_slow=looks.slow,
        log_tail=world.logs.tail,
        workspace=workspace,
        project_of=project_of(settings) if settings.projects else None,
    )


def project_of(settings: Settings) -> Callable[[str], str]:
    """Channel -> its project's path."""
    named = {channel: each.gitlab_project for each in settings.projects.values() for channel in each.channels}
    return lambda channel: named.get(channel, settings.gitlab_project)
