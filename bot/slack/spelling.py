"""How commands are called in this workspace: `/train`, or `/sm-train` where another app has that name. Pure.

Everywhere else a command has its own name. What leaves for Slack passes through here: in our sentences, and only there,
a command stands right behind a back quote, so what training or a person wrote is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

PREFIX = r"^(?:[a-z][a-z0-9_-]{0,15})?$"
"""What a prefix may be: Slack takes 32 small letters, digits, `-` and `_` for a command's name."""


class Spelling:
    """The commands of `names` (each with its slash) behind `prefix` (`sm-`); without one everything stays as it is."""

    def __init__(self, prefix: str = "", names: Collection[str] = ()) -> None:
        self._prefix = prefix if names else ""
        known = "|".join(re.escape(name.removeprefix("/")) for name in names)
        self._named = re.compile(rf"(?<!`)`/(?=(?:{known})[ `])")

    def name(self, command: str) -> str:
        """`/train` as people type it here."""
        return f"/{self._prefix}{command.removeprefix('/')}"

    def text(self, text: str) -> str:
        """A sentence with the commands in it as people type them here."""
        return self._named.sub(f"`/{self._prefix}", text) if self._prefix else text

    def blocks(self, value: Any) -> Any:
        """Blocks, a view or any part of one, with every text in it as `text` has it; ids and values stay."""
        if not self._prefix:
            return value
        if isinstance(value, Mapping):
            return {
                name: self.text(each) if name == "text" and isinstance(each, str) else self.blocks(each)
                for name, each in value.items()
            }
        return [self.blocks(each) for each in value] if isinstance(value, list | tuple) else value


PLAIN = Spelling()
