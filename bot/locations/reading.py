"""Reading a file at a location by a command, for shells of other machines: one round trip, binary safe."""

from __future__ import annotations

from collections.abc import Sequence

from bot.errors import Conflict, Unavailable
from bot.locations.shell import CommandResult

NO_FILE = 64
"""Exit status for something that is there and is no regular file."""
_SCRIPT = f"""
[ -L "$1" ] && exit {NO_FILE}
[ -e "$1" ] && [ ! -f "$1" ] && exit {NO_FILE}
LC_ALL=C exec dd if="$1" iflag=nofollow,nonblock,skip_bytes,count_bytes skip="$2" count="$3" bs=65536 status=none
"""
_NOTHING = ("No such file or directory", "Not a directory")
_SWAPPED = ("Too many levels of symbolic links", "Is a directory", "No such device or address")


def reading(path: str, offset: int, limit: int) -> Sequence[str]:
    """The command that says at most `limit` bytes of `path` from `offset`.

    dd (GNU) opens without following a link and without waiting for a pipe's other end: the tests before it give the
    answer, and training code that swaps the file between them and the opening gains nothing.
    """
    return ["sh", "-c", _SCRIPT, "sh", path, str(max(0, offset)), str(max(0, limit))]


def content(result: CommandResult, path: str) -> bytes:
    """What `reading` brought; empty when the file does not exist (yet).

    Raises:
        Conflict: there is something else than a regular file.
        Unavailable: it could not be read.
    """
    said = result.stderr.decode("utf-8", errors="replace")
    if result.code == NO_FILE or any(words in said for words in _SWAPPED):
        raise Conflict(f"{path} is not a regular file. Remove it at the location; training code may have put it there.")
    if result.code == 0 or any(words in said for words in _NOTHING):
        return result.stdout
    raise Unavailable(f"Could not read {path}: {result.last_line}.")
