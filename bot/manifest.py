"""The Slack app's manifest, made from the tables of `commands`: what it is to be called, may do and is told. Pure.

Limits and fields are those of Slack's manifest schema (facts: platform-limits.md, "manifest").
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from bot.errors import UserError
from bot.slack.signed import EVENTS
from bot.slack.spelling import PREFIX, Spelling
from commands import COMMANDS, Command

DESCRIPTION = "Train DVC projects from Slack, each person on a machine of their own, up to a GitLab release."
SCOPES = {
    "commands": "the slash commands",
    "chat:write": "cards, threads and answers",
    "files:write": "logs and pictures in a thread",
    "users:read": "who somebody is",
    "users:read.email": "whose machine is which",
    "channels:history": "whether a message whose answer was lost is there already, in channels",
    "groups:history": "the same in private channels",
    "im:history": "the same in direct messages",
    "im:write": "direct messages",
}
"""Bot scopes, and what each is for. A test compares them with the methods that are called."""
EVENTS_HEARD = ("app_home_opened",)
LONGEST_NAME = 35

Manifest = dict[str, Any]


def manifest(*, name: str = "Stationmaster", prefix: str = "", url: str | None = None) -> Manifest:
    """For Socket Mode, or with the bot's public address `url` for HTTP mode.

    Raises:
        UserError: a name, prefix or address that Slack would not take.
    """
    if not re.fullmatch(PREFIX, prefix):
        raise UserError(f"--prefix {prefix!r}: up to 16 small letters, digits, - and _, a letter first, such as sm-")
    if not 0 < len(name) <= LONGEST_NAME:
        raise UserError(f"--name {name!r}: Slack takes 1 to {LONGEST_NAME} characters.")
    address = None if url is None else _address(url)
    spelling = Spelling(prefix, [command.name for command in COMMANDS])
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {"name": name, "description": DESCRIPTION, "background_color": "#1d3557"},
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": name, "always_online": True},
            "slash_commands": [_command(command, spelling, address) for command in COMMANDS],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": _settings(address),
    }


def _settings(address: str | None) -> Manifest:
    requests = {} if address is None else {"request_url": address}
    lists = {} if address is None else {"message_menu_options_url": address}
    return {
        "event_subscriptions": {**requests, "bot_events": list(EVENTS_HEARD)},
        "interactivity": {"is_enabled": True, **requests, **lists},
        "org_deploy_enabled": False,
        "socket_mode_enabled": address is None,
        "token_rotation_enabled": False,
    }


def _command(command: Command, spelling: Spelling, address: str | None) -> Manifest:
    """Slack shows the description as it is, so without back quotes."""
    said = {"command": spelling.name(command.name), "description": spelling.text(command.description).replace("`", "")}
    usage = {"usage_hint": command.usage} if command.usage else {}
    where = {} if address is None else {"url": address}
    return {**said, **usage, **where, "should_escape": False}


def _address(url: str) -> str:
    """Where Slack sends everything; what is given may be the bot's root or the whole address."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise UserError(f"--url {url!r}: Slack needs an address like https://stationmaster.example.com")
    return url.rstrip("/").removesuffix(EVENTS) + EVENTS


def as_json(document: Manifest) -> str:
    """For Slack's JSON tab, and for programs."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_yaml(document: Manifest) -> str:
    """For Slack's YAML tab. Texts are quoted as in JSON, which YAML understands."""
    return "\n".join(_lines(document, "")) + "\n"


def _lines(value: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for name, each in value.items():
        if isinstance(each, Mapping):
            lines += [f"{indent}{name}:", *_lines(each, f"{indent}  ")]
        elif isinstance(each, list):
            lines += [f"{indent}{name}:", *(line for item in each for line in _item(item, f"{indent}  "))]
        else:
            lines.append(f"{indent}{name}: {json.dumps(each, ensure_ascii=False)}")
    return lines


def _item(item: Any, indent: str) -> list[str]:
    if not isinstance(item, Mapping):
        return [f"{indent}- {json.dumps(item, ensure_ascii=False)}"]
    first, *rest = _lines(item, f"{indent}  ")
    return [f"{indent}- {first.strip()}", *rest]
