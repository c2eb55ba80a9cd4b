"""How a stage speaks and how it ends: the one frame around prepare, train, evaluate and export."""

from __future__ import annotations

from collections.abc import Callable


class StageError(Exception):
    """The stage cannot do its work; the message is a sentence for a person and says what to do."""


def run(stage: Callable[[], None]) -> None:
    """Run `stage`.

    Raises:
        SystemExit: status 1 and one sentence on standard error, for a `StageError`; no traceback.
    """
    try:
        stage()
    except StageError as error:
        raise SystemExit(f"error: {error}") from None


def say(text: str) -> None:
    """Print a line, and at once: whoever watches the run is fed from it."""
    print(text, flush=True)  # noqa: T201 - a stage's voice is its standard output
