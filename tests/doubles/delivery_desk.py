"""A ledger, the deliverer, and Slack in memory: what is said of runs, without the engine that moves them."""

from dataclasses import replace

from bot.runs.model import Note, Phase, Reason
from bot.runs.store import Store
from bot.slack.thread import Delivery
from tests.doubles.chat import FakeChat
from tests.doubles.clock import TestClock


class Desk:
    """A ledger with runs in it, and the deliverer between it and a Slack in memory."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = TestClock()
        self.chat = FakeChat()
        self.boot()

    def boot(self, *, lines=None, **more):
        """Start the bot: again, after a crash."""
        self.store = Store(self.folder / "ledger.sqlite", self.clock, lines=lines)
        self.store.requeue_all()
        self.delivery = Delivery(self.store, self.chat, self.clock, logs=self.folder, **more)

    def accept(self, tag="v1.0.0", *, channel="C1", location="rack-1", machine=None, user="UALICE"):
        self.store.requests.add(delivery=tag, user=user, channel=channel, branch="main", tag=tag)
        return self.store.requests.accept(
            self.store.requests.claim(),
            project="p",
            commit="c" * 40,
            email="alice@example.com",
            location=location,
            machine=machine,
        )

    def move(self, run_id=1, *notes, **changes):
        """What the engine does with a run: a change, and what is said of it, in one go."""
        while (claimed := self.store.claim()) is not None:
            run, lease = claimed
            if run.id == run_id:
                assert self.store.apply(run, lease, replace(run, **changes), due_in=0.0, notes=notes)
                return self.store.run(run_id)
            self.store.apply(run, lease, run, due_in=60.0)
        raise AssertionError(f"run {run_id} is not due")

    def say(self, *whats, run_id=1):
        return self.move(run_id, *(Note("milestone", data={"what": what}) for what in whats))

    def end(self, run_id=1):
        return self.move(run_id, Note("terminal"), phase=Phase.FAILED, reason=Reason.CODE, holds=False)

    def settle(self, seconds=120.0):
        """Let time pass as the deliverer asks for it."""
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self.clock.advance(min(self.delivery.deliver(), end - self.clock.now() + 0.01))

    def thread(self, run_id=1):
        return [said.text for said in self.chat.thread(self.store.run(run_id).thread)]
