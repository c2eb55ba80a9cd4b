"""`stationmaster doctor`: ask every door once, without changing anything, and say what is wrong and what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from bot.clock import SystemClock
from bot.errors import DoorError
from bot.gitlab import Access, GitLabProject
from bot.location_settings import LocationSettings
from bot.locations.catalog import Powers, machine, registry_logins
from bot.locations.ec2 import Ec2Power
from bot.locations.machine import HELLO_SECONDS, Machine
from bot.locations.prices import AwsPriceList, PriceList
from bot.ports import PowerState
from bot.public_files import S3PublicFiles
from bot.runs.model import Run
from bot.runs.store import Store
from bot.settings import Settings, all_locations, all_projects, max_cost_of
from bot.slack.chat import SlackChat, web_client

EXPIRY_DAYS = 14

Check = tuple[str, Callable[[], str]]


def examine(settings: Settings, out: TextIO) -> int:
    """Print a line a check; 0 when all are well, 1 otherwise."""
    failed = 0
    for name, check in _checks(settings):
        try:
            print(f"ok    {name}: {check()}", file=out)
        except DoorError as error:
            failed += 1
            print(f"WRONG {name}: {error}", file=out)
    print("All is well." if not failed else f"{failed} of these must be mended first.", file=out)
    return 1 if failed else 0


def _checks(settings: Settings) -> Iterator[Check]:
    token = settings.slack_bot_token.get_secret_value()
    yield "Slack", SlackChat(web_client(token, settings.slack_api_url)).who_am_i
    for path, each in all_projects(settings).items():
        yield from _of_project(each, f" of {path}" if settings.projects else "")
    powers = Powers(settings)
    prices = AwsPriceList(powers.client, region=settings.aws_region, endpoint_url=settings.aws_endpoint_url)
    locations = all_locations(settings)
    for name, location in locations.items():
        at = machine(name, location, settings, powers)
        yield f"Location {name}", lambda at=at: _location(at)  # type: ignore[misc]
        if isinstance(at.power_supply, Ec2Power):
            power = at.power_supply
            if at.timer is not None:
                yield f"Timer of {name}", lambda power=power: _timer(power)  # type: ignore[misc]
            yield f"Metadata of {name}", lambda power=power: _metadata(power)  # type: ignore[misc]
        limit = max_cost_of(location, settings)
        if limit is not None:
            yield f"Cost limit of {name}", lambda at=location, limit=limit: _cost_limit(at, limit, prices)  # type: ignore[misc]
    if settings.image_registry is not None:
        yield "Image registry", lambda: _account(settings, str(settings.image_registry))
    yield "Locations", lambda: _count(len(locations))
    yield "Runs", lambda: reservations(Path(settings.stationmaster_home) / "ledger.sqlite", locations)


def _of_project(settings: Settings, of: str) -> Iterator[Check]:
    project = GitLabProject(settings.gitlab_url, settings.gitlab_project, settings.gitlab_token.get_secret_value())
    yield f"GitLab token{of}", lambda: _whose(project.access())
    yield f"GitLab project{of}", lambda: f"{settings.gitlab_project} has {len(project.branches())} branches"
    public = S3PublicFiles(
        settings.public_bucket,
        region=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        prefix=settings.public_prefix,
        public_base_url=settings.public_base_url,
    )
    yield f"Public bucket{of}", public.access


def reservations(ledger: Path, locations: Collection[str]) -> str:
    """Whether every run's location is in the settings; one that is not ends its run at the next start."""
    try:
        stranded = _stranded(ledger, locations)
    except (OSError, sqlite3.Error) as error:
        raise DoorError(f"the ledger {ledger} cannot be read ({error}). Run this as the bot's own user.") from error
    if stranded:
        runs = ", ".join(f"run {run.id} ({run.tag}) has {run.location}" for run in stranded)
        raise DoorError(
            f"{runs}, which is not in the settings. Put it back until the run has ended: with these settings the run "
            "fails at the next start, and nobody turns its machine off."
        )
    return "each has its location in the settings"


def _stranded(ledger: Path, locations: Collection[str]) -> list[Run]:
    if not ledger.exists():
        return []
    store = Store(ledger, SystemClock())
    try:
        return store.stranded(locations)
    finally:
        store.close()


def _whose(access: Access) -> str:
    """Who the token is; one that is about to expire is an error in time (security check 14)."""
    days = access.days_left(datetime.now(tz=UTC).date())
    if days is not None and days <= EXPIRY_DAYS:
        raise DoorError(f"the token of {access.username} expires in {days} days: make a new one now.")
    return f"{access.username}, " + ("no end known" if days is None else f"good for {days} days")


def _account(settings: Settings, registry: str) -> str:
    """Amazon's is asked for a login; whether any other takes the account, only a machine can find out."""
    login = registry_logins(settings)(f"{registry}/")
    return f"{registry} as {login.account}" if login else f"{registry} without an account"


def _location(at: Machine) -> str:
    """A machine that is off is left off; one that is on has to answer."""
    power = at.power()
    if power in (PowerState.GONE, PowerState.UNKNOWN):
        raise DoorError("the cloud does not know it, or not any more: check its instance id, and AWS_REGION.")
    if power is not PowerState.RUNNING:
        return f"its power is {power}, so whether it answers will show when it is on"
    said = at.shell.run(["true"], timeout=HELLO_SECONDS)
    if said.code != 0:
        raise DoorError(f"it is on, but a command fails there with status {said.code}: {said.last_line}")
    return "it is on, and answers"


def _timer(power: Ec2Power) -> str:
    """Whether a machine without its bot may power itself off."""
    power.may_halt()
    return "a shutdown inside stops it, so its own timer can"


def _metadata(power: Ec2Power) -> str:
    power.check_metadata()
    return "its credentials need a token (IMDSv2)"


def _cost_limit(location: LocationSettings, limit: float, prices: PriceList) -> str:
    """Whether what a run costs there is known: otherwise none is ever ended for it."""
    price, why = location.price_per_hour, "nobody has said what an hour of it costs"
    if price is None and location.power == "ec2" and location.instance:
        try:
            price, why = prices.price_per_hour(location.instance), "AWS's price list does not say what it costs"
        except DoorError as error:
            why = str(error).rstrip(".")
    if price is None:
        raise DoorError(
            f"a run may cost ${limit:,.2f} there, and that cannot hold: {why}. Set price_per_hour in its table."
        )
    return f"a run is ended when it has cost ${limit:,.2f}, at ${price:g} an hour"


def _count(number: int) -> str:
    if not number:
        raise DoorError("there is none: set TRAIN_INSTANCE_FOR_USER, or add a [locations.<name>] table.")
    return f"{number} in all"
