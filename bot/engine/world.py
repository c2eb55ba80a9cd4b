"""What the engine can reach: the doors, and the facts about the project. Made once, by the wiring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.clock import Clock
from bot.engine.refs import Refs
from bot.engine.sources import Sources
from bot.engine.watch import Watch
from bot.ports import Chat, CodeHost, Location, PublicFiles
from bot.runs.allowance import Allowance
from bot.runs.logbook import LogBook
from bot.runs.store import Store


@dataclass(frozen=True)
class Project:
    """The DVC project that a channel trains. `git_url` holds no credentials."""

    path: str
    git_url: str
    remote: str | None = None
    release_outs: tuple[str, ...] = ()
    committer: str = "Stationmaster <stationmaster@localhost>"
    registry: str | None = None
    """Where images go: `registry.example.com/group`; None keeps them at the machine that built them."""
    build_arguments: tuple[str, ...] = ()
    """`NAME=value`, for every image."""


@dataclass(frozen=True)
class Terms:
    """What holds for one location beside its doors."""

    max_hours: float = 72.0
    max_cost: float | None = None
    """US dollars that one run may cost; None for any amount."""
    start_seconds: float = 600.0
    idle_seconds: float = 300.0
    builds: bool = False
    """Whether a branch's own image can be built there: steps run in containers."""
    lease_seconds: float = 0.0
    """How long a machine stays on by itself without its bot; 0 for ever."""
    notices: str | None = None
    """Address of the metadata service that tells a machine when the cloud takes it back; None where nobody does."""
    step_environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Doors:
    """What each project has of its own. The fields are called as in `World`."""

    project: Project
    code: CodeHost
    public: PublicFiles
    secrets: Callable[[str, str], Mapping[str, Any]]


@dataclass(frozen=True)
class World:
    """Everything a phase may touch, as one project sees it: machines, ledger and Slack are the same for all."""

    store: Store
    clock: Clock
    code: CodeHost
    public: PublicFiles
    chat: Chat
    project: Project
    locations: Mapping[str, Location]
    terms: Mapping[str, Terms]
    logs: LogBook
    location_for: Callable[[str], str | None]
    """E-mail -> the line they wait in: their own location, or else a shared one or a pool; None without any."""
    secrets: Callable[[str, str], Mapping[str, Any]]
    """Step and location -> the credentials that this step needs there (facts: three steps, three privileges)."""
    price_of: Callable[[str], float | None] = lambda _name: None
    """Location -> dollars an hour, None while unknown. Never blocks."""
    asked: dict[str, float] = field(default_factory=dict)
    """Job -> when its status was last asked for. Only saves work: after a restart it is asked for at once."""
    no_location_help: str = ""
    """What to do for a person who has no location: whom to ask."""
    fallback_channel: str = ""
    """Where people hear what concerns no thread; empty for nowhere."""
    approvers: frozenset[str] = frozenset()
    """Slack user ids of those who may release what was held back; they are mentioned when there is something."""
    allowance: Allowance = field(default_factory=Allowance)
    """How many runs each person may have."""
    watches: dict[str, Watch] = field(default_factory=dict)
    lists: dict[str, Refs] = field(default_factory=dict)
    """Project -> its branches and tags."""
    sources: Sources = field(default_factory=Sources)
    """Files are remembered by git's ids, which are the same in all projects."""

    others: Mapping[str, Doors] = field(default_factory=dict)
    """Path -> the doors of each project, where there are several."""

    def knows(self, project: str) -> bool:
        """Whether the project is in the settings. A bot with only one takes every run for its own."""
        return not self.others or project in self.others

    def of(self, project: str) -> World:
        """The world as the runs of that project see it; unchanged for one that it does not know."""
        doors = self.others.get(project)
        if doors is None or project == self.project.path:
            return self
        return replace(self, project=doors.project, code=doors.code, public=doors.public, secrets=doors.secrets)

    @property
    def refs(self) -> Refs:
        """The project's branches and tags, as they were last heard."""
        return self.lists.setdefault(self.project.path, Refs())

    def watch(self, location: str) -> Watch:
        """What is remembered of a location between two looks."""
        return self.watches.setdefault(location, Watch(location))
