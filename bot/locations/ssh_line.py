"""What is said to the other side of ssh, and what is heard from it.

ssh alone cannot tell its own failure from a command that exits with 255, or a login script's chatter from a command's
output. So the line that runs a command marks where its outputs begin, and says at the end how it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.locations.shell import quote

_MISSING = b"missing"
_SCRIPT = f"""
echo "$0"
echo "$0" >&2
seconds=$1
shift
timeout -s KILL -- "$seconds" "$@"
code=$?
[ $code = 127 ] && ! command -v -- "$1" >/dev/null 2>&1 && code={_MISSING.decode()}
echo "$0 $code" >&2
"""


@dataclass(frozen=True)
class Heard:
    """`began`: the command was started; `code`: it ended, and how; `missing`: there is no such program."""

    stdout: bytes
    stderr: bytes
    began: bool = False
    code: int | None = None
    missing: bool = False


def wrapped(argv: Sequence[str], seconds: float, mark: str) -> str:
    """One line for the other side's shell: `argv`, ended with all it started after `seconds`."""
    return "exec " + quote(["sh", "-c", _SCRIPT, mark, f"{seconds:.3f}", *argv])


def hear(stdout: bytes, stderr: bytes, mark: str) -> Heard:
    """What ssh's two outputs say of a line that `wrapped` made with this mark."""
    begin = mark.encode() + b"\n"
    chatter, began, out = stdout.partition(begin)
    _, _, err = stderr.partition(begin)
    if not began:
        return Heard(chatter, stderr)
    said, ended, last = err.rpartition(mark.encode() + b" ")
    word, _, after = last.partition(b"\n")
    if not ended:
        return Heard(out, err, began=True)
    if word == _MISSING:
        return Heard(out, said + after, began=True, missing=True)
    return Heard(out, said + after, began=True, code=int(word)) if word.isdigit() else Heard(out, err, began=True)
