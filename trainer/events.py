"""The wire format between a training location and the bot: one JSON object a line in `events.jsonl`.

Standard library only: the bot imports this module, and nothing else of `trainer`.

Every line is `{"v": 1, "seq": 7, "at": "2026-01-02T03:04:05.678Z", "kind": "...", ...}`; `seq` counts from 1 in each
file. The kinds and what they carry beside that:

| kind        | fields |
|-------------|--------|
| `step`      | `name` (prepare, repro, publish, compare), `state` (started, finished); `seconds` when finished; |
|             | for prepare also `commit`; for all but repro `disk_free` (bytes left where `workdir` is) |
| `transfer`  | `direction` (pull, push), `files`, `files_total`, `bytes`, `bytes_total` (totals null when unknown) |
| `stage`     | `name`, `index` (from 1), `of`, `state` (started, finished, skipped, cached); `seconds` when finished |
| `metric`    | `step` (epochs or steps done), `of` (null when unknown), `values` (name -> number) |
| `image`     | from prepare: `inputs` (SHA-256 of all that the branch's image is made from; null when it has none), |
|             | `parts` (name -> 8 digits of its own); from the build: `state` (pulled, building, built, pushed) |
| `restored`  | from prepare: `uid` of the run that is tried again, whose result is still here |
| `log`       | `text` (one line of output, cut to 2,000 characters) |
| `warning`   | `text` |
| `published` | `commit`, `tag`, `branch` (where it was pushed), `diverged` (bool), `objects`, `bytes`, `changed` |
|             | (bool), `metrics`, `params` (nested name -> value), `pointer` (file name of the standalone .dvc), |
|             | `data` (path -> checksum, of what .dvc files track) |
| `plots`     | `plots`, at most 100 kB: `kind` lines with `title`, `x`, `y`, `series` (`name`, `points`: [[x, y]]); |
|             | `kind` confusion with `title`, `x`, `y`, `labels`, `counts` (a row for each label of x, a column of y) |
| `compared`  | `outputs` and `different` (numbers); `outs`, those that differ first, at most 100: `path`, `equal`, |
|             | `size` and `size_before` (bytes, null when unknown); `metrics_different` (a number), `metrics`, at |
|             | most 100 that differ: `name`, `now`, `before` (null where there is none) |
| `failed`    | `step`, `stage` (or null), `cause` (see `CAUSES`), `message` (a sentence), `lines` (the last output); |
|             | when interrupted also `action` (what the cloud does to the machine: stop, terminate, hibernate) |

A reader keeps what it does not know: unknown kinds and fields are no error. A half-written last line waits.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

VERSION = 1
LINE_LIMIT = 2_000
"""Characters of a `log` line that travel; the whole line is in the step's log file."""
TAIL_LINES = 15
"""How many last lines a `failed` event carries."""

CAUSES = (
    "code",  # the project's own command failed
    "out-of-memory",
    "disk-full",
    "missing-data",  # an object of the pipeline is on no remote
    "corrupt-data",  # an object is there with other bytes than its name says
    "credentials",
    "network",
    "lock",  # another DVC holds the workspace
    "image",  # the branch's image cannot be made, or cannot run a step
    "pipeline",  # dvc.yaml itself is wrong, or an output leaves the repository
    "conflict",  # the tag exists elsewhere, or the branch cannot take the result
    "fenced",  # a newer reservation owns the workspace
    "killed",
    "too-long",  # the run had the machine for as long as its location allows
    "too-expensive",  # the run has cost what one may cost at its location
    "interrupted",  # the cloud takes the machine back
    "internal",
)


@dataclass(frozen=True)
class Event:
    """One line, read."""

    seq: int
    at: str
    kind: str
    data: Mapping[str, Any]


class EventLog:
    """Appends events to a file; a line is written with one `write`, so a reader never sees two halves mixed.

    Safe to be used by several threads of one process; the steps of a run follow one another, so there is one writer.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._seq = _last_seq(path)

    def emit(self, kind: str, **data: Any) -> None:
        """Append one event; safe against a previous writer that died in the middle of a line."""
        with self._lock:
            self._seq += 1
            at = datetime.now(tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            record = {"v": VERSION, "seq": self._seq, "at": at, "kind": kind, **data}
            line = json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
            with self._path.open("ab") as file:
                file.write(_mend(self._path) + line.encode("utf-8", errors="replace"))


def parse(chunk: bytes) -> tuple[list[Event], int]:
    """Read the whole lines at the start of `chunk`.

    Returns the events and how many bytes they took: the reader's next offset grows by exactly that. A last line
    without its newline is left for the next read. A whole line that is no JSON object (torn by a crash) is passed
    over, so that one bad line cannot stop a run.
    """
    end = chunk.rfind(b"\n") + 1
    events = []
    for line in chunk[:end].splitlines():
        event = _event(line)
        if event is not None:
            events.append(event)
    return events, end


def _event(line: bytes) -> Event | None:
    try:
        record = json.loads(line.decode("utf-8", errors="replace"))
    except ValueError:
        return None
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        return None
    rest = {key: value for key, value in record.items() if key not in ("v", "seq", "at", "kind")}
    seq = record.get("seq")
    return Event(seq=seq if isinstance(seq, int) else 0, at=str(record.get("at", "")), kind=record["kind"], data=rest)


def _mend(path: Path) -> bytes:
    """A newline where the file does not end with one: the torn line stays alone on its line."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            if file.tell() == 0:
                return b""
            file.seek(-1, os.SEEK_END)
            return b"" if file.read(1) == b"\n" else b"\n"
    except FileNotFoundError:
        return b""


def _last_seq(path: Path) -> int:
    if not path.exists():
        return 0
    events, _ = parse(path.read_bytes())
    return max((event.seq for event in events), default=0)
