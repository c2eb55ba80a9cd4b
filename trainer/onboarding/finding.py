"""What was found in somebody's project, as sentences. Standard library only, and pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

FEW = 3
"""Names that a sentence lists; of more, it says how many there are."""


class State(Enum):
    """How it stands; the value is what a person reads before the sentence."""

    OK = "ok"
    ADDED = "added"
    NOTE = "note"
    TODO = "to do"


@dataclass(frozen=True)
class Finding:
    """One sentence, or two; for `TODO` the last says what to do."""

    state: State
    sentence: str


def ok(sentence: str) -> Finding:
    """As it should be."""
    return Finding(State.OK, sentence)


def note(sentence: str) -> Finding:
    """Good to know; a training works all the same."""
    return Finding(State.NOTE, sentence)


def todo(sentence: str) -> Finding:
    """In the way of a training or of its release, or a danger."""
    return Finding(State.TODO, sentence)


def added(sentence: str) -> Finding:
    """Was missing, and is there now."""
    return Finding(State.ADDED, sentence)


def named(names: Iterable[str]) -> str:
    """`a`, `b` and 4 more."""
    found = [f"`{name}`" for name in names]
    return ", ".join(found[:FEW]) + (f" and {len(found) - FEW} more" if len(found) > FEW else "")
