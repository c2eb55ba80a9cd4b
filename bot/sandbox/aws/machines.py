"""EC2 over moto, told the truth: machines take time to start and stop, and refuse what AWS would refuse.

moto starts and stops at once and revives the terminated. Here four actions are answered by this module; every other
one goes to moto, whose instances are brought to the state they should be in before each request.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from moto.ec2.models.instances import StateReason

from bot.clock import Clock
from bot.sandbox.aws.faults import STALE, Faults
from bot.sandbox.aws.http import Answer, Request
from bot.sandbox.aws.moto import Moto
from bot.sandbox.aws.store import Store

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
_BECOMES = {"pending": "running", "stopping": "stopped", "shutting-down": "terminated"}
_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_BY_USER = ("Client.UserInitiatedShutdown", "User initiated shutdown", "User initiated")
_BY_ITSELF = ("Client.InstanceInitiatedShutdown", "Instance initiated shutdown", "")


@dataclass(frozen=True)
class Machine:
    """An instance as it is kept: `state` since `since`, `before` that another; `due` is when it changes by itself."""

    id: str
    owner: str
    kind: str
    state: str = "stopped"
    before: str = "stopped"
    since: float = 0.0
    due: float | None = None
    reason_code: str = ""
    reason: str = ""
    transition: str = ""

    def into(self, state: str, at: float, due: float | None = None) -> Machine:
        """The same machine in another state; the reason stays until it starts again."""
        moved = replace(self, state=state, before=self.state, since=at, due=due)
        return replace(moved, reason_code="", reason="", transition="") if state == "pending" else moved

    def because(self, why: tuple[str, str, str], at: float) -> Machine:
        """With the reason why it stops."""
        when = datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%d %H:%M:%S GMT")
        transition = f"{why[2]} ({when})" if why[2] else ""
        return replace(self, reason_code=why[0], reason=f"{why[0]}: {why[1]}", transition=transition)


class Refused(Exception):  # noqa: N818 - AWS's answer, not a failure of ours
    """An EC2 error code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Machines:
    """All machines with an id that somebody chose."""

    def __init__(
        self, moto: Moto, store: Store, faults: Faults, clock: Clock, *, start_seconds: float, stop_seconds: float
    ) -> None:
        self._moto = moto
        self._store = store
        self._faults = faults
        self._clock = clock
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._guard = threading.RLock()
        self._machines: dict[str, Machine] = {}
        self._actions = {
            "StartInstances": self._start,
            "StopInstances": self._stop,
            "TerminateInstances": self._terminate,
            "RebootInstances": self._reboot,
        }

    def load(self) -> None:
        """Give moto the machines that are on disk."""
        for facts in self._store.machines().values():
            self._adopt(Machine(**facts))

    def ensure(self, instance_id: str, owner: str, kind: str) -> None:
        """Make a stopped machine of that id when there is none."""
        with self._guard:
            if instance_id in self._machines:
                return
            machine = Machine(instance_id, owner, kind, since=self._clock.now())
            self._adopt(machine)
            self._keep(machine)

    def state(self, instance_id: str) -> str:
        """EC2's name of the state it is in now. `KeyError` for one that was never made."""
        with self._guard:
            self._advance()
            return self._machines[instance_id].state

    def running_since(self, instance_id: str) -> float | None:
        """Since when it is running; None when it is not, or was never made."""
        with self._guard:
            self._advance()
            machine = self._machines.get(instance_id)
            return machine.since if machine is not None and machine.state == "running" else None

    def history(self, instance_id: str) -> list[tuple[float, str]]:
        """When it came into which state, oldest first."""
        with self._guard:
            self._advance()
            return self._store.changes(instance_id)

    def power_off(self, instance_id: str) -> None:
        """The machine ends itself, as `shutdown -h` inside it does."""
        with self._guard:
            self._advance()
            now = self._clock.now()
            machine = self._machines[instance_id]
            self._keep(machine.because(_BY_ITSELF, now).into("stopping", now, now + self._stop_seconds))

    def answer(self, request: Request) -> Answer:
        """One EC2 request."""
        form = request.form()
        action = form.get("Action", "")
        fault = self._faults.take(action)
        stale = fault is not None and fault.kind == STALE
        return self._faults.meet(
            fault,
            lambda: self._old_news(request) if stale else self._deed(request, action, form),
            lambda code, status: _refuse(code, "A fault of the sandbox, on order.", status),
        )

    def _deed(self, request: Request, action: str, form: dict[str, str]) -> Answer:
        with self._guard:
            self._advance()
            names = [value for name, value in form.items() if name.startswith("InstanceId.")]
            if action not in self._actions or form.get("DryRun") == "true" or not set(names) <= set(self._machines):
                return self._moto.answer(request, "ec2")
            try:
                return self._actions[action]([self._machines[name] for name in names])
            except Refused as refused:
                return _refuse(refused.code, str(refused))

    def _old_news(self, request: Request) -> Answer:
        """The answer before the last change: EC2 is eventually consistent."""
        with self._guard:
            self._advance()
            for machine in self._machines.values():
                self._show(replace(machine, state=machine.before))
            try:
                return self._moto.answer(request, "ec2")
            finally:
                for machine in self._machines.values():
                    self._show(machine)

    def _start(self, machines: list[Machine]) -> Answer:
        return self._move(machines, "pending", self._start_seconds, allowed=("stopped",), same=("pending", "running"))

    def _stop(self, machines: list[Machine]) -> Answer:
        return self._move(machines, "stopping", self._stop_seconds, allowed=("running",), same=("stopping", "stopped"))

    def _terminate(self, machines: list[Machine]) -> Answer:
        living = ("pending", "running", "stopping", "stopped")
        same = ("shutting-down", "terminated")
        return self._move(machines, "shutting-down", self._stop_seconds, allowed=living, same=same)

    def _move(
        self, machines: list[Machine], state: str, seconds: float, *, allowed: tuple[str, ...], same: tuple[str, ...]
    ) -> Answer:
        """All of them or none, as EC2 does it."""
        verb = {"pending": "started", "stopping": "stopped", "shutting-down": "terminated"}[state]
        for machine in machines:
            if machine.state not in (*allowed, *same):
                raise Refused(
                    "IncorrectInstanceState",
                    f"The instance '{machine.id}' is not in a state from which it can be {verb}.",
                )
        now = self._clock.now()
        for machine in machines:
            if machine.state in allowed:
                reasoned = machine if state == "pending" else machine.because(_BY_USER, now)
                self._keep(reasoned.into(state, now, now + seconds))
        verb = {"started": "Start", "stopped": "Stop", "terminated": "Terminate"}[verb]
        return _moved(f"{verb}Instances", [(machine, self._machines[machine.id]) for machine in machines])

    def _reboot(self, machines: list[Machine]) -> Answer:
        for machine in machines:
            if machine.state != "running":
                raise Refused(
                    "IncorrectInstanceState",
                    f"The instance '{machine.id}' is not in a state from which it can be rebooted.",
                )
        return _xml("RebootInstances", "<return>true</return>")

    def _advance(self) -> None:
        """Let the changes happen whose time has come."""
        now = self._clock.now()
        for machine in list(self._machines.values()):
            if machine.due is not None and machine.due <= now:
                self._keep(machine.into(_BECOMES[machine.state], machine.due))

    def _keep(self, machine: Machine) -> None:
        self._machines[machine.id] = machine
        self._store.put_machine(machine.id, asdict(machine))
        self._store.put_change(machine.id, machine.since, machine.state)
        self._show(machine)

    def _adopt(self, machine: Machine) -> None:
        """Make an instance in moto and give it the id that was chosen."""
        backend = self._moto.ec2
        reservation = backend.run_instances(
            next(name for name, image in backend.amis.items() if not image.platform),
            1,
            None,
            [],
            instance_type=machine.kind,
            is_instance_type_default=False,
            region_name=self._moto.region,
            block_device_mappings=[],
        )
        instance = reservation.instances[0]
        instance.id = machine.id
        instance.metadata_options.http_tokens = "required"  # as an instance should be set up
        backend.create_tags([machine.id], {"Name": f"train-{machine.owner.partition('@')[0]}", "Owner": machine.owner})
        self._machines[machine.id] = machine
        self._show(machine)

    def _show(self, machine: Machine) -> None:
        """Bring moto's instance to what `machine` says."""
        instance = self._moto.ec2.get_instance_by_id(machine.id)
        if instance is None:
            return
        for card in instance.nics.values():
            card.start() if machine.state == "running" else card.stop()
        if machine.state == "pending":
            instance.launch_time = datetime.fromtimestamp(machine.since, tz=UTC).replace(tzinfo=None)
        # moto has no doors for these; its own start() and stop() jump to the end.
        instance._state.name, instance._state.code = machine.state, CODES[machine.state]  # noqa: SLF001
        instance._reason = machine.transition  # noqa: SLF001
        instance.state_reason = StateReason(machine.reason, machine.reason_code)


def _xml(action: str, inside: str) -> Answer:
    body = f'<{action}Response xmlns="{_NAMESPACE}"><requestId>sandbox</requestId>{inside}</{action}Response>'
    return Answer(200, (("content-type", "text/xml;charset=UTF-8"),), body.encode())


def _moved(action: str, moves: list[tuple[Machine, Machine]]) -> Answer:
    items = "".join(
        f"<item><instanceId>{new.id}</instanceId>"
        f"<currentState><code>{CODES[new.state]}</code><name>{new.state}</name></currentState>"
        f"<previousState><code>{CODES[old.state]}</code><name>{old.state}</name></previousState></item>"
        for old, new in moves
    )
    return _xml(action, f"<instancesSet>{items}</instancesSet>")


def _refuse(code: str, message: str, status: int = 400) -> Answer:
    body = (
        f"<Response><Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
        "<RequestID>sandbox</RequestID></Response>"
    )
    return Answer(status, (("content-type", "text/xml;charset=UTF-8"),), body.encode())
