"""The engine with doubles at its doors, driven step by step by a test's own clock."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.engine.bell import Bell
from bot.engine.upkeep import look_after_machines
from bot.engine.wishes import answer_people
from bot.engine.worker import Worker
from bot.engine.world import Project, Terms, World
from bot.runs.allowance import Allowance
from bot.runs.lines import Lines
from bot.runs.logbook import LogBook
from bot.runs.model import Kind, Phase, Run
from bot.runs.names import image_tag
from bot.runs.store import Store
from tests.doubles.clock import TestClock
from tests.doubles.doors import FakeCodeHost, FakePeople, FakePublicFiles
from tests.doubles.location import FakeLocation

STEPS = {
    Phase.PREPARING: "prepare",
    Phase.TRAINING: "repro",
    Phase.PUBLISHING: "publish",
    Phase.COMPARING: "compare",
}
_deliveries = itertools.count(1)


class Station:
    """A bot without Slack: commands go in as requests, what would be said is read from the outbox."""

    approvers: frozenset[str] = frozenset()
    allowance = Allowance()

    def __init__(
        self,
        folder: Path,
        *names: str,
        pools: Mapping[str, tuple[str, ...]] | None = None,
        approvers: frozenset[str] = frozenset(),
        code: FakeCodeHost | None = None,
        allowance: Allowance | None = None,
        **terms,
    ) -> None:
        self.approvers = approvers
        self.allowance = allowance or Allowance()
        self.clock = TestClock()
        self.folder = folder
        self.machines = {name: FakeLocation(name) for name in names or ("alice", "bob")}
        self.code = code or FakeCodeHost()
        self.public = FakePublicFiles()
        self.terms = Terms(**terms)
        self.lines = Lines(pools or {})
        self.prices: dict[str, float] = {}
        self.boot()

    def boot(self) -> None:
        """Start the bot: again, after a crash."""
        self.store = Store(self.folder / "ledger.sqlite", self.clock, lines=self.lines)
        self.store.requeue_all()
        owners = {f"{name}@example.com": self.lines.of(name) for name in self.machines}
        shared = next(iter(self.lines.members), None)
        self.world = World(
            store=self.store,
            clock=self.clock,
            code=self.code,
            public=self.public,
            chat=FakePeople(),
            project=Project("team/fruits", "http://gitlab.test/team/fruits.git", registry="registry.test/ml"),
            locations=self.machines,
            terms=dict.fromkeys(self.machines, self.terms),
            logs=LogBook(self.folder / "logs"),
            location_for=lambda email: owners.get(email, shared),
            price_of=self.prices.get,
            secrets=lambda step, _location: {"git": {"username": "x", "token": f"canary-{step}"}},
            no_location_help="Ask #ml-platform.",
            fallback_channel="COPS",
            approvers=self.approvers,
            allowance=self.allowance,
        )
        self.worker = Worker(self.world, bell=Bell(), said=lambda: None)

    def train(self, branch="main", tag="v1.0.0", *, user="UALICE", delivery=None, options=None) -> bool:
        return self.store.requests.add(
            delivery=delivery or f"trigger-{next(_deliveries)}",
            user=user,
            channel="C1",
            branch=branch,
            tag=tag,
            options=options,
        )

    def retry(self, run: Run, *, user="UALICE", delivery=None) -> bool:
        return self.store.requests.add(
            delivery=delivery or f"trigger-{next(_deliveries)}",
            user=user,
            channel=run.channel,
            branch=run.branch,
            tag=run.tag,
            kind=run.kind,
            options=run.options,
            retry_of=run.id,
        )

    def build_image(self, branch="main", *, user="UALICE") -> bool:
        return self.store.requests.add(
            delivery=f"trigger-{next(_deliveries)}",
            user=user,
            channel="C1",
            branch=branch,
            tag=image_tag(branch),
            kind=Kind.BUILD,
        )

    def gates(self, content: bytes, branch: str = "main") -> None:
        """What params.yaml of a branch says."""
        self.code.files["params.yaml", self.code.heads[branch]] = content

    def reproduce(self, tag="v1.0.0", *, user="UALICE") -> bool:
        return self.store.requests.add(
            delivery=f"trigger-{next(_deliveries)}",
            user=user,
            channel="C1",
            branch="",
            tag=tag,
            kind=Kind.REPRODUCE,
        )

    def run(self, number: int = 1) -> Run:
        run = self.store.run(number)
        assert run is not None
        return run

    def tick(self, seconds: float = 0.0) -> None:
        """Do everything that is due, after some time."""
        self.clock.advance(seconds)
        for _ in range(200):
            if not self.worker.once():
                return
        raise AssertionError("the worker never comes to rest")

    def until(self, condition: Callable[[], bool], *, limit: float = 7200.0, step: float = 1.0) -> None:
        """Let time pass until `condition` holds."""
        end = self.clock.now() + limit
        self.tick()
        while not condition():
            assert self.clock.now() < end, f"still not so after {limit} s"
            self.tick(step)

    def until_phase(self, phase: Phase, number: int = 1) -> Run:
        self.until(lambda: self.store.run(number) is not None and self.run(number).phase is phase)
        return self.run(number)

    def until_step(self, step: str, number: int = 1) -> FakeLocation:
        """Let time pass until the step's job runs, and hand out its machine."""

        def runs() -> bool:
            run = self.store.run(number)
            return run is not None and any(
                name.startswith(f"run-{run.uid}-{step}") for name in self.machines[run.location].running()
            )

        self.until(runs)
        return self.machines[self.run(number).location]

    def train_to_release(self, number: int = 1) -> Run:
        """Play every step of a run that goes well."""
        for step in ("prepare", "repro", "publish"):
            self.until_step(step, number).play(step)
        return self.until_phase(Phase.RELEASED, number)

    def upkeep(self, seconds: float = 10.0) -> None:
        self.clock.advance(seconds)
        look_after_machines(self.world)
        answer_people(self.world)

    def said(self, number: int | None = 1, kind: str | None = None) -> list[dict]:
        """The outbox's rows of a run (None: the whispers), in order."""
        rows = self.store._database.all("SELECT * FROM outbox WHERE run_id IS ? ORDER BY id", (number,))
        return [row for row in rows if kind in (None, row["kind"])]
