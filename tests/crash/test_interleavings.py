"""A thousand random interleavings of commands, time, crashes and faults on five machines: the invariants always hold.

Each seed is played the same way every time; `python -m tests.crash.simulation.interleaving <seed>` shows one.
"""

import pytest

from tests.crash.simulation.interleaving import BrokenError, play

SEEDS, CHUNK = 1_000, 50


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_nothing_is_lost_doubled_or_left_on_whatever_happens_in_whatever_order(monkeypatch, first):
    for seed in range(first, first + CHUNK):
        try:
            play(seed, monkeypatch)
        except BrokenError as error:
            raise AssertionError(f"seed {seed}:\n{error}") from None
