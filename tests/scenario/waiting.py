"""Waiting for what real processes do: the only place where these tests know of time."""

import time

PATIENCE = 60.0
"""Seconds that anything may take on a busy machine; what has to be quicker says so."""
LOOK = 0.02


def until(condition, what, seconds=PATIENCE, context=None):
    """What `condition` returned once it was true; a failure that says what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            said = f"\n{context()}" if context else ""
            raise AssertionError(f"after {seconds:.0f} s still not so: {what}{said}")
        time.sleep(LOOK)
