"""How the demo in a folder calls its commands: what `--prefix` said there last."""

from __future__ import annotations

import re
from pathlib import Path

from bot.errors import UserError
from bot.sandbox.slack.interactions import SlashCommand
from bot.slack.spelling import PREFIX, Spelling
from commands import COMMANDS

NOTE = "command-prefix"


def recall(home: Path) -> str:
    """The prefix, or nothing."""
    try:
        return (home / NOTE).read_text("utf-8").strip()
    except OSError:
        return ""


def remember(home: Path, prefix: str | None) -> None:
    """Note it for this start and the next ones; None leaves it as it was. Raises `UserError` for a wrong one."""
    if prefix is None:
        return
    if not re.fullmatch(PREFIX, prefix):
        raise UserError(f"--prefix {prefix!r}: up to 16 small letters, digits, - and _, a letter first, such as sm-")
    home.mkdir(parents=True, exist_ok=True)
    (home / NOTE).write_text(f"{prefix}\n", "utf-8")


def spelling(home: Path) -> Spelling:
    """How commands are written there."""
    return Spelling(recall(home), [command.name for command in COMMANDS])


def typed(home: Path) -> list[SlashCommand]:
    """The commands as the app's manifest would declare them."""
    here = spelling(home)
    return [
        SlashCommand(here.name(each.name), each.usage, here.text(each.description).replace("`", ""))
        for each in COMMANDS
    ]
