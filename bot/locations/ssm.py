"""The `ssm` shell: commands on an EC2 instance through SSM's Run Command, with no port open and no key to keep.

Everything goes through our own document (deploy/ssm-document.json), whose parameters have patterns: there is no place
for text that a shell would read. At most 24,000 characters come back of a command; more is fetched by offset.
"""

from __future__ import annotations

import base64
import itertools
import os
import zlib
from collections.abc import Sequence
from typing import Any

from bot import aws
from bot.clock import Clock, SystemClock
from bot.errors import Conflict, NotFound, Unavailable
from bot.locations.shell import CommandResult
from bot.locations.ssm_command import LAG, RunCommand, Target
from bot.locations.ssm_sealing import sealed

DOCUMENT = "Stationmaster-Run"
QUICK_SECONDS = 2.0
"""For what the document does by itself, without a command of ours."""
PART = 16000
"""Characters of argv, and of sealed standard input, that one command carries."""
PIECE = 1 << 20
"""Bytes asked for at a time of an output beyond its beginning; as many come as an answer holds."""


def ssm_client(*, region: str, endpoint_url: str | None = None) -> Any:
    """A client for `SsmShell`; one serves any number of instances and threads."""
    return aws.client("ssm", region=region, endpoint_url=endpoint_url)


class SsmShell:
    """The instance `instance_id`; `user` runs the commands, root without one.

    SSM takes a second or two for a command, and may take `2 * lag` seconds beyond the command's own until it counts as
    unanswered. Standard input is sealed to a certificate of the instance, whose key never leaves it and is forgotten
    when the power goes: neither SSM's history nor CloudTrail ever hold a secret. Commands do show there.
    """

    def __init__(
        self,
        instance_id: str,
        client: Any,
        *,
        document: str = DOCUMENT,
        user: str | None = None,
        clock: Clock | None = None,
        lag: float = LAG,
    ) -> None:
        self._instance = instance_id
        self._clock = clock or SystemClock()
        self._user = user or ""
        self._commands = RunCommand(client, Target(instance_id, document, lag), self._clock)
        self._certificate: str | None = None

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float) -> CommandResult:
        """See `Shell.run`."""
        call, answer = self._run(argv, stdin, timeout)
        if answer["state"] == "unsealed":  # the instance was started anew, and has another key
            self._certificate = None
            call, answer = self._run(argv, stdin, timeout)
        if answer["state"] == "missing":
            raise NotFound(f"There is no program {argv[0]} on {self._instance}.")
        if answer["state"] == "late":
            raise Unavailable(f"{argv[0]} did not end within {timeout:g} seconds.")
        if answer["state"] != "ended":
            raise self._failed(argv[0], answer)
        return CommandResult(int(answer["code"]), self._said(call, "out", answer), self._said(call, "err", answer))

    def read(self, path: str, offset: int, limit: int) -> bytes:
        """See `Shell.read`. One answer holds 15,000 bytes after compression; a piece may be smaller than asked for."""
        what = {"argv": _words([path]), "offset": str(max(0, offset)), "limit": str(min(max(0, limit), PIECE))}
        answer = self._ask("read", self._clock.token(), what)
        if answer["state"] == "no file":
            raise Conflict(
                f"{path} is not a regular file. Remove it at the location; training code may have put it there."
            )
        return _content(answer, "content", self._failed(path, answer))

    def _run(self, argv: Sequence[str], stdin: bytes, timeout: float) -> tuple[str, dict[str, Any]]:
        call = self._clock.token()
        *parts, last = _cut(sealed(stdin, self._opened(call))) if stdin else [""]
        for number, part in enumerate(parts):
            kept = self._ask("put", call, {"number": str(number), "data": part})
            if kept["state"] != "ok":
                raise self._failed("standard input", kept)
        what = {"argv": _words(argv), "number": str(len(parts)), "seconds": f"{timeout:.3f}", "user": self._user}
        return call, self._ask("run", call, {**what, "data": last}, seconds=timeout)

    def _opened(self, call: str) -> str:
        """The instance's certificate."""
        if self._certificate is None:
            answer = self._ask("open", call, {})
            if answer["state"] != "ok":
                raise self._failed("openssl", answer)
            self._certificate = str(answer["certificate"])
        return self._certificate

    def _said(self, call: str, name: str, answer: dict[str, Any]) -> bytes:
        """An output as a whole: its beginning is in the answer, the rest is fetched."""
        pieces = [_content(answer, name, self._failed(name, answer))]
        number = "1" if name == "out" else "2"
        for place in itertools.count(1):
            have = sum(map(len, pieces))
            if have >= int(answer[f"{name}_size"]):
                break
            what = {"number": number, "offset": str(have), "limit": str(PIECE)}
            more = self._ask("more", call, what, key=f"{call} more {number}-{place}")
            piece = _content(more, "content", self._failed(name, more))
            if not piece:
                raise self._failed(name, more)
            pieces.append(piece)
        return b"".join(pieces)

    def _ask(
        self, verb: str, call: str, what: dict[str, str], *, seconds: float = QUICK_SECONDS, key: str = ""
    ) -> dict[str, Any]:
        key = key or f"{call} {verb} {what.get('number', '')}".strip()
        return self._commands.ask(f"stationmaster {key}", {"verb": verb, "call": call, **what}, seconds)

    def _failed(self, what: str, answer: dict[str, Any]) -> Unavailable:
        why = answer.get("why") or f"the document answered {answer['state']}"
        return Unavailable(f"{what}: {why} ({self._instance}).")


def _words(argv: Sequence[str]) -> str:
    if any("\0" in word for word in argv):
        raise ValueError("A word of a command cannot hold a NUL byte.")
    text = base64.b64encode(zlib.compress(b"\0".join(os.fsencode(word) for word in argv))).decode()
    if len(text) > PART:
        raise ValueError("This command is too long for SSM: bring what is long by standard input.")
    return text


def _cut(text: str) -> list[str]:
    return [text[start : start + PART] for start in range(0, len(text), PART)]


def _content(answer: dict[str, Any], name: str, otherwise: Unavailable) -> bytes:
    try:
        return zlib.decompress(base64.b64decode(answer[name]))
    except (KeyError, ValueError, zlib.error) as error:
        raise otherwise from error
