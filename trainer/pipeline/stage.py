"""How a stage starts and how it ends: the one frame around prepare, train, evaluate and export."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable


class StageError(Exception):
    """The stage cannot do its work; the message is a sentence for a person and says what to do."""


def run(stage: Callable[[], None]) -> None:
    """Run `stage`, with every printed line sent at once (a progress card is fed from them).

    Raises:
        SystemExit: status 1 and one sentence on standard error, for a `StageError`.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    try:
        stage()
    except StageError as error:
        raise SystemExit(f"error: {error}") from None
