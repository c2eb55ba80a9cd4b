"""What a command is given and what it answers: `Call`, `Desk`, `Reply`, `Command`. No Slack, no network.

A handler reads the ledger, writes at most one row of it, and answers within milliseconds: Slack waits 3 s, no longer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.clock import Clock
from bot.engine.scout import Scout
from bot.ports import Person, Screens
from bot.runs.allowance import Allowance
from bot.runs.model import Run
from bot.runs.store import Store
from bot.slack import words
from bot.slack.asked import mention
from bot.slack.card import local_part


@dataclass(frozen=True)
class LocationFacts:
    """What people may know of a location. `power` is its kind (`ec2`, `always-on`), the price in dollars.

    `pool`: whose line it serves, if any. `switchable`: whether Stationmaster may turn its power on and off.
    """

    name: str
    owner_email: str | None = None
    shared: bool = False
    pool: str | None = None
    power: str = ""
    switchable: bool = True
    price_per_hour: float | None = None

    @property
    def line(self) -> str:
        """The line that people wait in for it."""
        return self.pool or self.name


@dataclass(frozen=True)
class Call:
    """One command as Slack delivered it. `delivery` is its trigger id: the same for every delivery of the same command.

    `workspace` is the address of the Slack workspace (`https://team.slack.com/`), empty when it is not known.
    """

    user: str
    channel: str
    text: str
    delivery: str
    team: str = ""
    workspace: str = ""


@dataclass(frozen=True)
class Reply:
    """What is answered at once, to the caller alone unless `in_channel`. Markup as in Slack's mrkdwn."""

    text: str
    blocks: Sequence[Mapping[str, Any]] = ()
    in_channel: bool = False


@dataclass(frozen=True)
class Desk:
    """Everything a command may use."""

    store: Store
    clock: Clock
    project: str
    """The project that is meant: that of the channel, see `at`."""
    locations: Mapping[str, LocationFacts] = field(default_factory=dict)
    location_for: Callable[[str], str | None] = lambda _email: None
    """E-mail -> the line they wait in: their own location, or else a shared one or a pool; None without any."""
    admins: frozenset[str] = frozenset()
    """Slack user ids of those who may cancel what others started, and use and switch others' machines."""
    approvers: frozenset[str] = frozenset()
    """Slack user ids of those who may release what was held back."""
    allowance: Allowance = field(default_factory=Allowance)
    """How many runs each person may have."""
    help_contact: str | None = None
    """Whom to ask: a sentence's part, such as `#ml-platform` or a name."""
    wake: Callable[[], None] = lambda: None
    """Tells the engine that there may be something to do."""
    log_tail: Callable[[str, int], Sequence[str]] = lambda _uid, _lines: ()
    """A run's uid -> the last lines of its log, as far as it was read."""
    workspace: Callable[[], str] = lambda: ""
    """The Slack workspace's address, empty while it is not known. May ask Slack: only for `later`."""
    scout: Scout | None = None
    """Branches, tags and the pre-flight answer. A handler asks only what is from memory; the rest is for `look`."""
    screens: Screens | None = None
    """Modals and home tabs; only for `later`: a handler talks to nobody outside."""
    later: Callable[[Callable[[], None]], None] = lambda deed: deed()
    """Has something done at once, on a thread that may wait for Slack, and for nobody else. A crash loses it."""
    look: Callable[[Hashable, Callable[[], None]], None] = lambda _who, look: look()
    """Has something looked up on a thread that may wait for GitLab: for each asker one at a time, and then the last."""
    gitlab_is_slow: Callable[[], bool] = lambda: False
    """Whether a look that is asked for now may have to wait."""

    project_of: Callable[[str], str] | None = None
    """Channel id -> its project's path; None for a bot with only one project."""

    def at(self, channel: str) -> Desk:
        """The desk as commands in that channel see it."""
        if self.project_of is None:
            return self
        project = self.project_of(channel)
        return replace(self, project=project, scout=self.scout.of(project) if self.scout is not None else None)

    @property
    def whom_to_ask(self) -> str:
        """`help_contact`, or the words for not knowing it."""
        return words.prose(self.help_contact or "", 200) or "whoever runs Stationmaster here"

    def name_of(self, user: str, otherwise: Run | None = None) -> str:
        """What people call somebody, safe for mrkdwn; a mention disturbs them, and is for whom nobody knows yet."""
        if otherwise is None and self.person(user) is None:
            return mention(user) or words.escape(user, 80)
        return words.escape(self.plain_name(user, otherwise), 80)

    def plain_name(self, user: str, otherwise: Run | None = None) -> str:
        """The same as it is, to be made safe by whoever uses it."""
        person = self.person(user)
        if person is not None:
            return person.name
        return local_part(otherwise) if otherwise else user

    def person(self, user: str) -> Person | None:
        """Somebody seen before."""
        return self.store.people.get(user)


@dataclass(frozen=True)
class Press:
    """One press of a button, or a choice in a list, as Slack delivered it.

    `action` is the action id up to a colon: what follows one only tells alike buttons of one block apart. `value` is
    the button's value, or what was chosen. `message` is the ts of the message that it is in, `thread` that of the root
    of its thread (empty when it is in none), `view` the modal or home tab (`id`, `private_metadata`, ...); `values` is
    what stands in that view's fields now, by block id. `address` is where the message can be replaced
    (`Screens.replace`), for half an hour.
    """

    user: str
    action: str
    value: str
    trigger: str
    channel: str = ""
    message: str = ""
    thread: str = ""
    team: str = ""
    workspace: str = ""
    address: str = ""
    view: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Button:
    """What a press does. `press` returns a sentence that only that person sees, or None."""

    action: str
    press: Callable[[Press, Desk], str | None]


@dataclass(frozen=True)
class Submission:
    """A modal that was sent. `values`: block id -> text, value or values chosen; None for an empty field.

    `private` is the `private_metadata` that the modal was opened with, `trigger` the same for every delivery.
    """

    user: str
    form: str
    trigger: str
    private: str = ""
    view_id: str = ""
    team: str = ""
    workspace: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Form:
    """A modal's other half. `submit` returns what is wrong, block id -> sentence, or None when the modal may close."""

    name: str
    """The modal's callback id."""
    submit: Callable[[Submission, Desk], Mapping[str, str] | None]


@dataclass(frozen=True)
class Choices:
    """What a list offers for what was typed so far: option objects, at most 100. Answered at once, from memory."""

    action: str
    suggest: Callable[[Press, Desk], Sequence[Mapping[str, Any]]]


Handler = Callable[[Call, Desk], Reply | None]


@dataclass(frozen=True)
class Command:
    """A slash command. `handle` returns None for a silent acknowledgement."""

    name: str
    usage: str
    description: str
    example: str
    handle: Handler
