"""One command through SSM's Run Command and its answer, over replies that get lost and states that are not true.

SSM has no idempotency token, its agent may be late, away or updating itself, and `Failed` or `InProgress` may be said
of a command that is neither. So a command carries a key of its own in its comment, is looked for when the reply was
lost, and may be sent twice at all: the document runs each call once and answers everybody (deploy/ssm_run.py).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from bot import aws
from bot.clock import Clock
from bot.errors import Conflict, DoorError, Unauthorised, Unavailable
from bot.tally import DOORS

DELIVERY_SECONDS = 30
"""The shortest that SSM takes: a command that no agent fetched by then is never run."""
LAG = 4.0
PAUSES = (0.1, 0.2, 0.3, 0.5, 0.8)
RECENT = 25
"""Commands among which a lost one is looked for."""
ANSWER_VERSION = 1
_GOING_ON = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
_NO_RIGHT = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_NO_LOGIN = frozenset(
    {"ExpiredTokenException", "InvalidClientTokenId", "InvalidSignatureException", "UnrecognizedClientException"}
)
_NO_DOCUMENT = frozenset({"InvalidDocument", "InvalidDocumentVersion", "InvalidParameters"})


@dataclass(frozen=True)
class Target:
    """The instance, the document that runs things on it, and the seconds that SSM may take for each of two tries."""

    instance: str
    document: str
    lag: float = LAG


class RunCommand:
    """Commands for one instance. Safe to use from several threads."""

    def __init__(self, client: Any, target: Target, clock: Clock) -> None:
        self._client = client
        self._target = target
        self._clock = clock
        self._never = threading.Event()

    def ask(self, key: str, parameters: Mapping[str, str], seconds: float) -> dict[str, Any]:
        """The document's answer to `parameters`. `key` names the command; it takes `seconds` at most by itself.

        Raises:
            Unavailable: no answer came; the command may have had its effect, or have it within half a minute.
            Unauthorised: a permission is missing; the message says which.
            Conflict: the document is missing or of another version.
        """
        deadline = self._clock.monotonic() + seconds
        why = "SSM gave no answer"
        for _ in range(2):
            deadline += self._target.lag
            command = self._sent(key, parameters)
            if command is None:
                continue
            answer, why = self._answer(command, deadline)
            if answer is not None:
                return answer
        raise Unavailable(f"A command for {self._target.instance} was not answered: {why}.{self._hint()}")

    def _sent(self, key: str, parameters: Mapping[str, str]) -> str | None:
        """The id of the command, sent now; that of an earlier sending whose reply was lost; None when in doubt."""
        try:
            answer = self._client.send_command(
                InstanceIds=[self._target.instance],
                DocumentName=self._target.document,
                Parameters={name: [value] for name, value in parameters.items()},
                Comment=key,
                TimeoutSeconds=DELIVERY_SECONDS,
            )
        except ClientError as error:
            raise self._translated(error, "SendCommand") from error
        except BotoCoreError:
            return self._found(key)
        return str(answer["Command"]["CommandId"])

    def _found(self, key: str) -> str | None:
        try:
            listed = self._client.list_commands(InstanceId=self._target.instance, MaxResults=RECENT)
        except ClientError as error:
            raise self._translated(error, "ListCommands") from error
        except BotoCoreError:
            return None
        return next((str(each["CommandId"]) for each in listed["Commands"] if each.get("Comment") == key), None)

    def _answer(self, command: str, deadline: float) -> tuple[dict[str, Any] | None, str]:
        """What the command answered, or None and SSM's words for why not."""
        pauses = iter(PAUSES)
        while True:
            seen = self._look(command)
            state, details = str(seen.get("Status", "Pending")), str(seen.get("StatusDetails", "Pending"))
            if state not in _GOING_ON:
                answer = _parsed(str(seen.get("StandardOutputContent", "")))
                if details == "AccessDenied":
                    raise Unauthorised(f"SSM may not run commands on {self._target.instance}: AccessDenied.")
                return answer, f"SSM calls it {details}"
            left = deadline - self._clock.monotonic()
            if left <= 0:
                self._cancel(command)
                return None, f"SSM still calls it {details}"
            self._clock.wait(self._never, min(left, next(pauses, PAUSES[-1])))

    def _look(self, command: str) -> Mapping[str, Any]:
        """What SSM knows of it; nothing right after sending, and nothing when the reply was lost."""
        try:
            seen: Mapping[str, Any] = self._client.get_command_invocation(
                CommandId=command, InstanceId=self._target.instance
            )
        except ClientError as error:
            if aws.code_of(error) in ("InvocationDoesNotExist", "ThrottlingException", "Throttling"):
                return {}
            raise self._translated(error, "GetCommandInvocation") from error
        except BotoCoreError:
            return {}
        return seen

    def _cancel(self, command: str) -> None:
        """Ask SSM to give it up, which it need not do; that it was asked for is all that matters here."""
        try:
            self._client.cancel_command(CommandId=command, InstanceIds=[self._target.instance])
        except (BotoCoreError, ClientError):
            return

    def _hint(self) -> str:
        """What SSM thinks of the instance's agent. A hint: it lags behind in both directions."""
        try:
            known = self._client.describe_instance_information(
                Filters=[{"Key": "InstanceIds", "Values": [self._target.instance]}]
            )["InstanceInformationList"]
        except (BotoCoreError, ClientError):
            return ""
        if not known:
            return " No SSM agent of it has reported yet: does its role have AmazonSSMManagedInstanceCore?"
        return f" SSM calls its agent {known[0].get('PingStatus', 'unknown')}."

    def _translated(self, error: ClientError, action: str) -> DoorError:
        ours = self._in_our_words(error, action)
        if ours is None:
            return aws.translate(error, f"run a command on {self._target.instance}")
        DOORS.count("aws", ours)
        return ours

    def _in_our_words(self, error: ClientError, action: str) -> DoorError | None:
        code = aws.code_of(error)
        said = str(error.response.get("Error", {}).get("Message", "")).strip().rstrip(".")
        target = self._target
        if code in _NO_RIGHT:
            return Unauthorised(
                f"The bot may not do ssm:{action} for {target.instance} with the document {target.document}: {said}. "
                "Give its role what deploy/iam-bot.json says."
            )
        if code in _NO_LOGIN:
            return Unauthorised(f"AWS refused the bot's credentials at ssm:{action}: {said}.")
        if code in _NO_DOCUMENT:
            return Conflict(
                f"The SSM document {target.document} is missing or of another version ({code}: {said}). "
                "Make it anew from deploy/ssm-document.json, in the region of AWS_REGION."
            )
        if code == "InvalidInstanceId":
            return Unavailable(f"The SSM agent of {target.instance} does not take commands yet.{self._hint()}")
        return None


def _parsed(said: str) -> dict[str, Any] | None:
    """The answer in what the document printed; None when there is none, or half of one."""
    try:
        answer = json.loads(said.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return None
    if not isinstance(answer, dict) or "state" not in answer:
        return None
    if answer.get("v") != ANSWER_VERSION:
        raise Conflict("The SSM document is of another version: make it anew from deploy/ssm-document.json.")
    return answer
