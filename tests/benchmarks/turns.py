"""Processes that work in turn: each does one piece when it is asked to, and says how long that took.

What differs by an environment variable or by a setting that cannot be taken back needs a process of its own; taking
turns, they see the same machine, however busy it is with other work.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

Times = list[tuple[float, float]]
"""Seconds of each turn, by the wall and of the processors."""


class Worker:
    """`python -m <module> <words>`, which does `pieces` in a round, one after the other, and ends after the last."""

    def __init__(self, module: str, words: tuple[str, ...], pieces: tuple[str, ...]) -> None:
        self.seconds: dict[str, Times] = {piece: [] for piece in pieces}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )

    def round(self, *, count: bool) -> None:
        for times in self.seconds.values():
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            wall, processor = self._answer()
            if count:
                times.append((wall, processor))

    def end(self) -> float:
        """The most memory that it had, in MB."""
        memory = self._answer()
        self._process.communicate()
        self._said.close()
        return memory

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            self._said.seek(0)
            raise RuntimeError(self._said.read().decode(errors="replace"))
        return json.loads(line)


def in_turn(workers: dict[str, Worker], rounds: int) -> dict[str, float]:
    """Let all of them work, and say how much memory each took. The first round warms up and is not counted."""
    for number in range(rounds + 1):
        for worker in workers.values():
            worker.round(count=number > 0)
    return {name: worker.end() for name, worker in workers.items()}


def ratios(ours: Times, other: Times) -> dict[str, float]:
    """How many times longer `other` takes: the median over the rounds.

    By the wall is what a person waits; by the processors is what a machine with other work to do can still tell.
    """
    pairs = list(zip(ours, other, strict=True))
    by_clock = [median(b[clock] / a[clock] for a, b in pairs) for clock in (0, 1)]
    return {"by_wall": round(by_clock[0], 3), "by_processor": round(by_clock[1], 3)}


def begin() -> tuple[float, float]:
    """In a worker: wait until it is asked."""
    sys.stdin.readline()
    return time.perf_counter(), time.process_time()


def done(began: tuple[float, float]) -> None:
    """In a worker: tell how long it took since."""
    print(json.dumps([time.perf_counter() - began[0], time.process_time() - began[1]]), flush=True)


@contextmanager
def telling_memory() -> Iterator[None]:
    """In a worker, around everything."""
    yield
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(round(int(peak.split()[1]) / 1024), flush=True)
