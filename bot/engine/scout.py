"""What people may ask before they start anything: lists from memory, and the pre-flight answer."""

from __future__ import annotations

import threading
from collections.abc import Callable

from bot.engine import preflight
from bot.engine.preflight import Preflight
from bot.engine.refs import MOST
from bot.engine.world import World
from bot.runs.model import TrainOptions

MODALS = 1_000
"""Of how many it is remembered which look is the newest."""


class Scout:
    """One project's. What is from memory returns at once; the rest may ask GitLab, and raises `DoorError`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._turns: dict[str, int] = {}
        self._default = "main"
        self._others: dict[str, Scout] = {}

    def of(self, project: str) -> Scout:
        """The same for another project of the settings."""
        world = self._world.of(project)
        return self if world is self._world else self._others.setdefault(project, Scout(world))

    @property
    def ready(self) -> bool:
        """Whether GitLab was heard already, so that there is something to remember."""
        return self._world.refs.known

    @property
    def default_branch(self) -> str:
        """From memory: the project's, as GitLab says."""
        return self._default

    def branches(self, typed: str) -> list[str]:
        """From memory: names that hold what was typed, the likeliest first."""
        return self._world.refs.branches(typed)

    def next_tag(self, tag: str = "") -> str:
        """From memory: the next free version, after `tag` where one is given."""
        return preflight.next_tag(tag, self._world)

    def exists(self, tag: str) -> bool:
        """From memory: whether GitLab has that tag. A new one may not be known yet."""
        return tag in self._world.refs.tags

    def refresh(self) -> None:
        """Hear what is new: the branches that moved last, and the tags. Two requests, and at first a third."""
        self._default = self._world.code.default_branch() or self._default
        self._world.refs.refresh(self._world.code)

    def refresh_all(self) -> None:
        """Hear of every branch: a request for each 100."""
        self._default = self._world.code.default_branch() or self._default
        self._world.refs.refresh(self._world.code, most=MOST)

    def search(self, typed: str) -> None:
        """Have GitLab look for branches that memory does not hold."""
        self._world.refs.search(self._world.code, typed)

    def meet(self, user: str) -> None:
        """Ask Slack who a stranger is: which machine is theirs depends on their e-mail address."""
        people = self._world.store.people
        if people.get(user) is None:
            people.remember(self._world.chat.person(user))

    def begin(self, view: str) -> Callable[[], bool]:
        """Ask for a look for a modal. What is returned says whether no later one was asked for since."""
        with self._lock:
            turn = self._turns.pop(view, 0) + 1
            self._turns[view] = turn
            while len(self._turns) > MODALS:
                del self._turns[next(iter(self._turns))]  # the one that was looked for longest ago
        return lambda: self._turns.get(view) == turn

    def look(self, branch: str, tag: str, options: TrainOptions, line: str | None) -> Preflight:
        """The pre-flight answer, see `preflight.look`."""
        return preflight.look(branch, tag, options, line, self._world)
