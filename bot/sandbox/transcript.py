"""What one slash command leads to, as lines for a terminal. Pure: the page's events in, lines out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.errors import UserError
from bot.sandbox.plain_text import Names, message_text
from commands import request
from commands.request import Wanted

Json = Mapping[str, Any]

TRAIN = re.compile(r"/(?:[a-z][a-z0-9_-]*)?train")
"""`/train`, behind whatever prefix."""


class Transcript:
    """Follows the command that `me` typed. Its run is told from others by the tag, or the test, that its card names.

    A line is `<who hears it>  <text>`: `you` (nobody else sees it), `all` (a message in the channel), `card` (the run's
    root message, each time it says something new) or `thread`.
    """

    def __init__(self, command: str, *, me: str, names: Names) -> None:
        self.trains = any(TRAIN.fullmatch(word) for word in command.split()[:1])
        wanted = _wanted(command) if self.trains else None
        self.tag = wanted.tag if wanted else None
        self.smoke = wanted is not None and wanted.options.smoke
        self._title = f"smoke test of {wanted.branch}" if wanted and self.smoke else self.tag
        self._me = me
        self._names = names
        self._card: str | None = None
        self._status = ""
        self._files: set[str] = set()
        self.answered = False
        """Whether the bot said anything to this."""
        self.ended = False
        """Whether a message of its thread mentioned the person: its last word, or that it waits for a decision."""
        self.passed = False
        """Whether that word said of a smoke test that it passed."""

    @property
    def runs(self) -> bool:
        """Whether the command became a run."""
        return self._card is not None

    def hear(self, event: Json) -> list[str]:
        """The lines that an event adds."""
        message = event.get("message")
        if not isinstance(message, Mapping):
            return []
        new = event.get("type") == "message"
        if message.get("ephemeral"):
            return self._told(message) if new else []
        if message.get("ts") == self._card:
            return self._card_says(message)
        if self._card is not None and message.get("thread_ts") == self._card:
            return self._thread_says(message, new=new)
        if new and message.get("bot") and not message.get("thread_ts"):
            return self._root(message)
        return []

    def _told(self, message: Json) -> list[str]:
        self.answered = True
        return _lines("you", message_text(message, self._names))

    def _root(self, message: Json) -> list[str]:
        if not self.trains:
            self.answered = True
            return _lines("all", message_text(message, self._names))
        if self._card is None and self._title and _names(str(message.get("text")), self._title):
            self.answered = True
            self._card = str(message["ts"])
            return self._card_says(message)
        return []

    def _card_says(self, message: Json) -> list[str]:
        status = message_text({"text": message.get("text")}, self._names)
        if status == self._status:
            return []
        self._status = status
        return _lines("card", status)

    def _thread_says(self, message: Json, *, new: bool) -> list[str]:
        text = message_text({**message, "files": []}, self._names) if new else ""
        if new and any(line.startswith(f"<@{self._me}>") for line in str(message.get("text")).splitlines()):
            self.ended = True
            self.passed = self.smoke and "passed" in str(message.get("text"))
        lines = _lines("thread", text)
        for file in message.get("files") or []:
            if file["id"] not in self._files:
                self._files.add(file["id"])
                lines += _lines("thread", f"[file: {file.get('title') or file['name']}]")
        return lines


def _lines(who: str, text: str) -> list[str]:
    first, *rest = text.split("\n") if text.strip() else [""]
    return [f"{who:<6}  {first}", *(f"{'':6}  {line}".rstrip() for line in rest)] if first or rest else []


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w/-]|\.\w)", text) is not None


def _wanted(command: str) -> Wanted | None:
    try:
        return request.train(command.strip().partition(" ")[2])
    except UserError:
        return None
