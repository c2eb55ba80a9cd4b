"""What went over the line: requests by service, and of S3 the bytes by bucket."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, replace

from bot.sandbox.aws.http import Answer, Request


@dataclass(frozen=True)
class Moved:
    """Bytes of one bucket: the contents of objects that were `fetched` and `stored`, and all `other` answers.

    The last are listings and errors. Headers are not counted, nor is what a client sent to be refused.
    """

    fetched: int = 0
    stored: int = 0
    other: int = 0

    def __sub__(self, before: Moved) -> Moved:
        """What was moved since then."""
        return Moved(self.fetched - before.fetched, self.stored - before.stored, self.other - before.other)


class Traffic:
    """Counts; safe to use from several threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._moved: defaultdict[str, Moved] = defaultdict(Moved)
        self._asked: Counter[str] = Counter()

    def count(self, service: str, request: Request, answer: Answer) -> None:
        """One request and its answer. Of S3's, a GET of a key brings an object, and a PUT takes one there."""
        with self._guard:
            self._asked[service] += 1
            if service == "s3":
                bucket, _, key = request.path.lstrip("/").partition("/")
                self._moved[bucket] = _and(self._moved[bucket], request, answer, whole=bool(key))

    def moved(self, bucket: str) -> Moved:
        """All that was moved so far."""
        with self._guard:
            return self._moved[bucket]

    def asked(self, service: str) -> int:
        """How many requests `s3`, `ec2`, `ssm`, ... got so far."""
        with self._guard:
            return self._asked[service]


def _and(so_far: Moved, request: Request, answer: Answer, *, whole: bool) -> Moved:
    """`so_far` and one request more; `whole` when it is about an object."""
    if whole and answer.ok and request.method == "PUT":
        return replace(so_far, stored=so_far.stored + len(request.body))
    if whole and answer.ok and request.method == "GET":
        return replace(so_far, fetched=so_far.fetched + len(answer.body))
    return replace(so_far, other=so_far.other + len(answer.body))
