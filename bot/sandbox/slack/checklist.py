"""What is wrong with a piece of JSON, in Slack's sentences. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken rule: Slack's error code, its sentence and where (a JSON pointer, "" for the whole call)."""

    code: str
    message: str
    pointer: str = ""

    def __str__(self) -> str:
        return f"[ERROR] {self.message} [json-pointer:{self.pointer}]"


class Checklist:
    """Collects breaches; each method looks at one field of a parent and says what is wrong with it."""

    def __init__(self, code: str = "invalid_blocks") -> None:
        self.code = code
        self.breaches: list[Breach] = []

    def say(self, message: str, pointer: str) -> None:
        """Something is wrong at `pointer`."""
        self.breaches.append(Breach(self.code, message, pointer))

    def require(self, parent: Mapping[str, Any], names: Collection[str], at: str) -> None:
        """Fields that must be there."""
        for name in names:
            if parent.get(name) is None:
                self.say(f"missing required field: {name}", at)

    def only(self, parent: Mapping[str, Any], names: Collection[str], at: str) -> None:
        """No fields but these; `type` and `block_id` are always welcome."""
        for name in parent:
            if name not in names and name not in ("type", "block_id"):
                self.say(f"invalid additional property: {name}", at)

    def count(self, items: list[Any], at: str, most: int, least: int = 0) -> None:
        """How many items there may be."""
        if len(items) > most:
            self.say(f"no more than {most} items allowed", at)
        if len(items) < least:
            self.say(f"must have at least {least} items", at)

    def unique(self, items: list[Any], name: str, at: str) -> None:
        """No two items with the same `name`."""
        seen = set()
        for index, item in enumerate(items):
            value = item.get(name) if isinstance(item, dict) else None
            if value is not None and value in seen:
                self.say(f"{name} `{value}` already exists", f"{at}/{index}/{name}")
            seen.add(value)

    def string(self, parent: Mapping[str, Any], name: str, at: str, longest: int, *, least: int = 0) -> None:
        """A string of `least` to `longest` characters, if it is there."""
        value = parent.get(name)
        if value is None:
            return
        if not isinstance(value, str):
            self.say("must provide a string", f"{at}/{name}")
        elif len(value) > longest:
            self.say(f"must be less than {longest + 1} characters", f"{at}/{name}")
        elif len(value) < least:
            self.say(f"must be more than {least - 1} characters", f"{at}/{name}")

    def flag(self, parent: Mapping[str, Any], name: str, at: str) -> None:
        """True or false, if it is there."""
        if parent.get(name) is not None and not isinstance(parent[name], bool):
            self.say("must provide a boolean", f"{at}/{name}")

    def whole(self, parent: Mapping[str, Any], name: str, at: str, least: int, most: int) -> None:
        """A whole number between two, if it is there."""
        value = parent.get(name)
        if value is None:
            return
        if not isinstance(value, int) or isinstance(value, bool):
            self.say("must provide an integer", f"{at}/{name}")
        elif not least <= value <= most:
            self.say(f"must be between {least} and {most}", f"{at}/{name}")

    def matches(self, parent: Mapping[str, Any], name: str, at: str, pattern: str, like: str) -> None:
        """A string written `like` something, if it is there."""
        value = parent.get(name)
        if value is not None and not (isinstance(value, str) and re.fullmatch(pattern, value)):
            self.say(f"must be in the format {like}", f"{at}/{name}")

    def one_of(self, parent: Mapping[str, Any], name: str, at: str, values: Collection[str]) -> None:
        """One of a few values, if it is there."""
        if parent.get(name) is not None and parent[name] not in values:
            self.say(f"must be one of: {', '.join(values)}", f"{at}/{name}")

    def text(
        self,
        parent: Mapping[str, Any],
        name: str,
        at: str,
        longest: int,
        *,
        kinds: Collection[str] = ("plain_text", "mrkdwn"),
        required: bool = False,
    ) -> None:
        """A text object below `parent`, such as `{"type": "mrkdwn", "text": "..."}`."""
        if parent.get(name) is None:
            if required:
                self.say(f"missing required field: {name}", at)
            return
        value, here = parent[name], f"{at}/{name}"
        if not isinstance(value, dict):
            self.say("must provide an object", here)
            return
        if value.get("type") not in kinds:
            self.say(f"must be one of: {', '.join(kinds)}", f"{here}/type")
        self.only(value, ("text", "emoji", "verbatim"), here)
        self.require(value, ("text",), here)
        self.string(value, "text", here, longest, least=1)

    def items(self, parent: Mapping[str, Any], name: str, at: str, *, most: int, least: int = 1) -> list[Any]:
        """The list below `parent`; an empty one, once it was complained about, where there is none."""
        value = parent.get(name)
        if not isinstance(value, list):
            self.say(f"missing required field: {name}" if value is None else "must provide an array", at)
            return []
        self.count(value, f"{at}/{name}", most, least)
        return value
