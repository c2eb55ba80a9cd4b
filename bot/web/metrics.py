"""What `/metrics` says: the ledger's counts, Slack's line, and what the doors refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from bot.runs.counts import Counts
from bot.runs.model import Phase
from bot.tally import DOORS
from bot.web.prometheus import Family, Labels, by, exposition, single


class Line(Protocol):
    """What is asked of the front door."""

    @property
    def connected(self) -> bool:
        """Whether commands can arrive."""

    @property
    def heard_at(self) -> float | None:
        """When Slack last gave a sign of life (epoch seconds)."""

    @property
    def refused(self) -> int:
        """Requests without Slack's signature."""


def metrics(counts: Counts, slack: Line) -> str:
    """All of it, as Prometheus reads it."""
    return exposition([*_ledger(counts), *_slack(slack), *_doors()])


def _ledger(counts: Counts) -> Iterator[Family]:
    runs = {phase.value: 0 for phase in Phase} | dict(counts.runs())
    yield by("phase", "stationmaster_runs", "Runs in each phase; the ended ones since the ledger began.", runs)
    yield single("stationmaster_requests_waiting", "Commands that wait for their check.", counts.requests())
    yield by("state", "stationmaster_machines", "Machines by their power as last seen.", counts.machines())
    yield single("stationmaster_machines_busy", "Machines that a run has.", counts.busy())
    backlog = counts.backlog()
    yield single("stationmaster_outbox_messages", "Messages that Slack is still to be told.", backlog.waiting)
    yield single("stationmaster_outbox_oldest_seconds", "For how long the oldest of them has waited.", backlog.oldest)
    yield single("stationmaster_outbox_tries", "How often those were tried until now.", backlog.tries)
    yield single(
        "stationmaster_outbox_given_up_total", "Messages that Slack never took.", backlog.given_up, kind="counter"
    )


def _slack(slack: Line) -> Iterator[Family]:
    yield single("stationmaster_slack_connected", "1 while commands can arrive from Slack.", int(slack.connected))
    heard = slack.heard_at
    if heard is not None:
        name = "stationmaster_slack_last_contact_timestamp_seconds"
        yield single(name, "When Slack last gave a sign of life (Unix time).", heard)
    refused = "Requests without Slack's signature that were refused (HTTP mode)."
    yield single("stationmaster_slack_requests_refused_total", refused, slack.refused, kind="counter")


def _doors() -> Iterator[Family]:
    samples: dict[Labels, float] = {
        (("door", door), ("kind", kind)): number for (door, kind), number in DOORS.counts().items()
    }
    what = "Calls to slack, gitlab or aws that failed since the process began."
    yield Family("stationmaster_door_errors_total", "counter", what, samples)
