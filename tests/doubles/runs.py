"""Runs out of thin air, for tests of what is shown of them."""

from bot.runs.model import Phase, Run

START = 1_800_000_000.0


def a_run(phase: Phase = Phase.TRAINING, **changes) -> Run:
    values = {
        "id": 42,
        "key": "00000000000000aa",
        "project": "team/fruits",
        "branch": "main",
        "commit": "abcdef0123456789abcdef0123456789abcdef01",
        "tag": "v1.0.0",
        "user": "UALICE",
        "email": "alice@example.com",
        "channel": "C1",
        "location": "rack-1",
        "phase": phase,
        "created_at": START,
        "phase_at": START,
        "thread": "1.000000",
        "times": {Phase.QUEUED: START},
    }
    return Run(**(values | changes))
