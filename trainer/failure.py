"""How a step ends when it does not succeed. Standard library only.

StepError          a `failed` event and exit code 1; the message is a sentence for a person
|-- FencedError    a newer reservation owns the workspace: exit code 3
`-- CancelledError the run was cancelled before its push: exit code 4
"""

from __future__ import annotations

from collections.abc import Sequence

EXIT_FAILED = 1
EXIT_FENCED = 3
EXIT_CANCELLED = 4


class StepError(Exception):
    """A step cannot go on. `cause` is one of `trainer.events.CAUSES`; the message says what to do."""

    exit_code = EXIT_FAILED

    def __init__(self, cause: str, message: str, *, stage: str | None = None, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.cause = cause
        self.stage = stage
        self.lines = tuple(lines)


class FencedError(StepError):
    """A newer reservation owns the workspace; nothing irreversible is done any more."""

    exit_code = EXIT_FENCED

    def __init__(self, ours: int, seen: int) -> None:
        super().__init__(
            "fenced", f"A newer reservation ({seen}) took over this workspace from ours ({ours}). Nothing was pushed."
        )


class CancelledError(StepError):
    """The run was cancelled; publish had not pushed yet, and now it will not."""

    exit_code = EXIT_CANCELLED

    def __init__(self) -> None:
        super().__init__("killed", "The run was cancelled before anything was pushed.")
