"""Where the stand-ins listen: three loopback ports, remembered so that links in old messages stay true."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

HOST = "127.0.0.1"
FIRST = 8765
"""The page's port; the local GitLab and AWS have the next two."""
HIGHEST = 65_535

_WHAT = {"slack": "the page", "gitlab": "the local GitLab", "aws": "the local AWS"}


@dataclass(frozen=True)
class Addresses:
    """The ports of one world."""

    slack: int
    gitlab: int
    aws: int

    @property
    def page_url(self) -> str:
        """What a person opens."""
        return f"http://{HOST}:{self.slack}"

    @property
    def gitlab_url(self) -> str:
        """The root of the local GitLab."""
        return f"http://{HOST}:{self.gitlab}"

    @property
    def aws_url(self) -> str:
        """The endpoint of the local S3 and EC2."""
        return f"http://{HOST}:{self.aws}"


def choose(
    *, remembered: Addresses | None, asked: int | None, free: Callable[[int], bool]
) -> tuple[Addresses, list[str]]:
    """The ports to use, and a sentence for each that could not be the one a person expects.

    Expected are those in a row from `asked`; else the remembered ones; else those in a row from `FIRST`.
    """
    start = asked if asked is not None else FIRST
    expected = (
        remembered if remembered and asked in (None, remembered.slack) else Addresses(start, start + 1, start + 2)
    )
    chosen: dict[str, int] = {}
    sentences = []
    for name, port in asdict(expected).items():
        taken = {*chosen.values(), *asdict(expected).values()}
        chosen[name] = port if free(port) else _another(port, taken, free)
        if chosen[name] != port:
            sentences.append(_moved(name, port, chosen[name], known=expected == remembered))
    return Addresses(**chosen), sentences


def is_free(port: int) -> bool:
    """Whether this process could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free for a server
        try:
            probe.bind((HOST, port))
            probe.listen()
        except (OSError, OverflowError):
            return False
    return True


def recall(file: Path) -> Addresses | None:
    """What `remember` wrote; None when there is nothing of use."""
    try:
        document = json.loads(file.read_text("utf-8"))
        return Addresses(**{field.name: int(document[field.name]) for field in fields(Addresses)})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(file: Path, addresses: Addresses) -> None:
    """Write the ports down for the next start."""
    file.write_text(json.dumps(asdict(addresses), indent=1) + "\n", "utf-8")


def _another(port: int, taken: set[int], free: Callable[[int], bool]) -> int:
    """The next port upwards that nobody has; `port` again when there is none, so that listening says what is wrong."""
    candidates = range(port + 1, min(port + 1000, HIGHEST) + 1)
    return next((number for number in candidates if number not in taken and free(number)), port)


def _moved(name: str, old: int, new: int, *, known: bool) -> str:
    sentence = f"Port {old} is taken by another program, so {_WHAT[name]} is on port {new} this time."
    return sentence + (f" Links to port {old} in older messages will not open." if known else "")
