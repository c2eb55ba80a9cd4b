"""What an app is told of a command and of a click, field by field as Slack writes it. Pure."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.people import APP_ID, TEAM, Channel, Person

Json = dict[str, Any]
TOKEN = "sandbox-verification-token"  # noqa: S105 - the legacy field, checked by nobody


def slash_command(
    person: Person, channel: Channel, command: str, text: str, *, response_url: str, trigger_id: str
) -> Json:
    """The payload of `command`; `&`, `<` and `>` in its text come escaped."""
    return {
        "token": TOKEN,
        "team_id": TEAM.id,
        "team_domain": TEAM.domain,
        "channel_id": channel.id,
        "channel_name": "directmessage" if channel.is_im else channel.name,
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def block_actions(
    person: Person, channel: Channel, message: Json, action: Json, *, response_url: str, trigger_id: str
) -> Json:
    """The payload of a click in `message` (as the Web API writes it; `ephemeral_id` makes it an ephemeral one)."""
    ephemeral = "ephemeral_id" in message
    container = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel.id,
        "is_ephemeral": ephemeral,
    }
    if "thread_ts" in message:
        container["thread_ts"] = message["thread_ts"]
    payload: Json = {
        "type": "block_actions",
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": TEAM.id},
        "api_app_id": APP_ID,
        "token": TOKEN,
        "container": container,
        "trigger_id": trigger_id,
        "team": {"id": TEAM.id, "domain": TEAM.domain},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name},
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [action],
    }
    return payload if ephemeral else {**payload, "message": message}


def button_action(block: Json, element: Json, ts: str) -> Json:
    """The action of a click on a button."""
    kept: Json = {name: element[name] for name in ("text", "value", "style", "url") if name in element}
    return {
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        **kept,
        "type": element["type"],
        "action_ts": ts,
    }


def event_callback(event: Json, event_id: str, when: int) -> Json:
    """The payload of an Events API event."""
    return {
        "token": TOKEN,
        "team_id": TEAM.id,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": when,
        "is_ext_shared_channel": False,
    }
