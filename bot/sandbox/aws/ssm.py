"""SSM's Run Command, told the truth: it runs the document on "the instance", with SSM's limits, delays and lies.

moto's SendCommand is `Success` at once and runs nothing. Here five actions are answered by this module; every other one
goes to moto.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

from bot.clock import Clock
from bot.sandbox.aws.faults import STALE, Faults
from bot.sandbox.aws.http import Answer, Request
from bot.sandbox.aws.moto import Moto
from bot.sandbox.aws.ssm_command import LIES, LOST, UNDELIVERABLE, Command, Host, thread
from bot.sandbox.aws.ssm_document import BadParameters, Document

_TARGET = "AmazonSSM."
_LOOK = 0.05
_JSON = (("content-type", "application/x-amz-json-1.1"),)


class Refused(Exception):  # noqa: N818 - AWS's answer, not a failure of ours
    """An SSM error code and its message."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message)
        self.code = code


class Ssm:
    """Run Command for the instances that have an agent.

    `agent_seconds` pass between a machine's start and its agent's first look; for `settle_seconds` after it was sent a
    command does not exist; an agent takes `fetch_seconds` to fetch one.
    """

    agent_seconds = 0.0
    settle_seconds = 0.0
    fetch_seconds = 0.0

    def __init__(self, moto: Moto, faults: Faults, clock: Clock, running_since: Callable[[str], float | None]) -> None:
        self._moto = moto
        self._faults = faults
        self._clock = clock
        self._running_since = running_since
        self._guard = threading.RLock()
        self._closed = threading.Event()
        self._hosts: dict[str, Host] = {}
        self._seen: set[str] = set()
        self._documents: dict[str, Document] = {}
        self._commands: dict[str, Command] = {}
        self._lies: list[str] = []
        self._threads: list[threading.Thread] = []
        self._actions: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "SendCommand": self._send,
            "GetCommandInvocation": self._invocation,
            "ListCommands": self._list,
            "CancelCommand": self._cancel,
            "DescribeInstanceInformation": self._information,
            "CreateDocument": self._create_document,
        }

    def attach(self, instance: str, host: Host) -> None:
        """Give an instance an agent whose commands run on `host`."""
        self._hosts[instance] = host

    def keep_document(self, name: str, content: str) -> None:
        """Make a document, or another version of it."""
        self._documents[name] = Document.read(content)

    def lie(self, kind: str, times: int) -> None:
        """Treat the next commands like that. `ValueError` for what is no lie of SSM's."""
        if kind not in LIES:
            raise ValueError(f"No such lie: {kind}. There are {', '.join(LIES)}.")
        self._lies += [kind] * times

    def commands(self) -> list[dict[str, Any]]:
        """All that AWS keeps of the commands so far, oldest first."""
        with self._guard:
            return [command.facts() for command in self._commands.values()]

    def stop(self) -> None:
        """End what still runs."""
        self._closed.set()
        for running in self._threads:
            running.join()

    def answer(self, request: Request) -> Answer:
        """One SSM request."""
        action = request.headers.get("x-amz-target", "").removeprefix(_TARGET)
        if action not in self._actions:
            return self._moto.answer(request, "ssm")
        fault = self._faults.take(action)
        told = json.loads(request.body or b"{}")
        told["stale"] = fault is not None and fault.kind == STALE
        return self._faults.meet(
            fault,
            lambda: self._deed(action, told),
            lambda code, status: _refuse(code, "A fault of the sandbox, on order.", status),
        )

    def _deed(self, action: str, told: dict[str, Any]) -> Answer:
        try:
            with self._guard:
                return Answer(200, _JSON, json.dumps(self._actions[action](told)).encode())
        except Refused as refused:
            return _refuse(refused.code, str(refused))

    def _send(self, told: dict[str, Any]) -> dict[str, Any]:
        document = self._documents.get(told["DocumentName"])
        if document is None:
            raise Refused("InvalidDocument", f"Document {told['DocumentName']} does not exist.")
        try:
            script = document.script(told.get("Parameters", {}))
        except BadParameters as bad:
            raise Refused("InvalidParameters", str(bad)) from bad
        [instance] = told["InstanceIds"]
        if self._running_since(instance) is None or not (self._online(instance) or instance in self._seen):
            raise Refused("InvalidInstanceId", f"Instances [[{instance}]] not in a valid state for account")
        now = self._clock.now()
        command = Command(
            id=str(uuid.uuid4()),
            instance=instance,
            document=told["DocumentName"],
            comment=told.get("Comment", ""),
            parameters=told.get("Parameters", {}),
            script=script,
            seconds=document.seconds,
            sent=now,
            expires=now + int(told.get("TimeoutSeconds", 3600)),
            lie=self._lies.pop(0) if self._lies else "",
        )
        self._commands[command.id] = command
        self._threads = [*(each for each in self._threads if each.is_alive()), thread(lambda: self._live(command))]
        return {"Command": _listed(command)}

    def _live(self, command: Command) -> None:
        """What becomes of a command, beside everything else."""
        self._clock.wait(self._closed, self.fetch_seconds)
        if command.lie == UNDELIVERABLE:
            command.say("Failed", "Undeliverable")
            return
        while command.lie == LOST or not self._online(command.instance):
            if self._closed.is_set() or command.cancelled:
                return
            if self._clock.now() > command.expires:
                command.say("TimedOut", "DeliveryTimedOut")
                return
            self._clock.wait(self._closed, _LOOK)
        if not command.cancelled:
            alive = lambda: self._running_since(command.instance) is not None and not self._closed.is_set()  # noqa: E731
            command.run(self._hosts[command.instance], alive)

    def _online(self, instance: str) -> bool:
        since = self._running_since(instance)
        online = instance in self._hosts and since is not None and self._clock.now() >= since + self.agent_seconds
        if online:
            self._seen.add(instance)
        return online

    def _invocation(self, told: dict[str, Any]) -> dict[str, Any]:
        command = self._commands.get(told["CommandId"])
        if command is None or self._clock.now() < command.sent + self.settle_seconds:
            raise Refused("InvocationDoesNotExist")
        return {
            "CommandId": command.id,
            "InstanceId": command.instance,
            "Comment": command.comment,
            "DocumentName": command.document,
            "ResponseCode": command.code,
            "Status": command.status,
            "StatusDetails": command.details,
            "StandardOutputContent": command.stdout,
            "StandardErrorContent": command.stderr,
        }

    def _list(self, told: dict[str, Any]) -> dict[str, Any]:
        settled = self._clock.now() - self.settle_seconds
        found = [
            _listed(command)
            for command in reversed(self._commands.values())
            if command.instance == told.get("InstanceId", command.instance) and command.sent <= settled
        ]
        return {"Commands": found[: told.get("MaxResults", 50)]}

    def _cancel(self, told: dict[str, Any]) -> dict[str, Any]:
        """Before an agent has fetched it this ends a command; later SSM only says so."""
        command = self._commands.get(told["CommandId"])
        if command is None:
            raise Refused("InvalidCommandId")
        if command.status == "Pending":
            command.cancelled = True
            command.say("Cancelled")
        return {}

    def _information(self, told: dict[str, Any]) -> dict[str, Any]:
        wanted = {value for each in told.get("Filters", []) for value in each["Values"]} or set(self._hosts)
        found = []
        for instance in sorted(wanted & set(self._hosts)):
            online = self._online(instance) is not told["stale"]
            if online or instance in self._seen:
                found.append({"InstanceId": instance, "PingStatus": "Online" if online else "ConnectionLost"})
        return {"InstanceInformationList": found}

    def _create_document(self, told: dict[str, Any]) -> dict[str, Any]:
        if told["Name"] in self._documents:
            raise Refused("DocumentAlreadyExists")
        self.keep_document(told["Name"], told["Content"])
        return {"DocumentDescription": {"Name": told["Name"], "Status": "Active"}}


def _listed(command: Command) -> dict[str, Any]:
    return {
        "CommandId": command.id,
        "DocumentName": command.document,
        "Comment": command.comment,
        "Parameters": dict(command.parameters),
        "InstanceIds": [command.instance],
        "RequestedDateTime": command.sent,
        "Status": command.status,
        "StatusDetails": command.details,
    }


def _refuse(code: str, message: str, status: int = 400) -> Answer:
    return Answer(status, _JSON, json.dumps({"__type": code, "message": message}).encode())
