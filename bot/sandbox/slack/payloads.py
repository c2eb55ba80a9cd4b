"""What an app is told of what people do, field by field as Slack writes it. Pure."""

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


def block_actions(person: Person, scene: Json, actions: list[Json], trigger_id: str) -> Json:
    """The payload of what a person did to elements; `scene` as `in_message` or `in_view` describes it."""
    return {
        "type": "block_actions",
        **_by(person),
        "trigger_id": trigger_id,
        **scene,
        "actions": actions,
    }


def block_suggestion(person: Person, scene: Json, action_id: str, block_id: str, query: str) -> Json:
    """The payload that asks for the options of an external select."""
    asked = {"action_id": action_id, "block_id": block_id, "value": query}
    shown = {name: part for name, part in scene.items() if name not in ("response_url", "state")}
    return {"type": "block_suggestion", **_by(person), **shown, **asked}


def view_submission(person: Person, view: Json, trigger_id: str) -> Json:
    """The payload of a modal that was sent off, what is entered in it under `view.state.values`."""
    return {
        "type": "view_submission",
        **_by(person),
        "trigger_id": trigger_id,
        "view": view,
        "response_urls": [],
    }


def view_closed(person: Person, view: Json, *, cleared: bool) -> Json:
    """The payload of a modal that was closed; `cleared`: together with all that were open."""
    return {"type": "view_closed", **_by(person), "view": view, "is_cleared": cleared}


def in_message(channel: Channel, message: Json, values: Json, response_url: str) -> Json:
    """Elements in `message` (as the Web API writes it; `ephemeral_id` makes it an ephemeral one)."""
    ephemeral = "ephemeral_id" in message
    container = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel.id,
        "is_ephemeral": ephemeral,
    }
    if "thread_ts" in message:
        container["thread_ts"] = message["thread_ts"]
    scene: Json = {
        "container": container,
        "channel": {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name},
        "state": {"values": values},
        "response_url": response_url,
    }
    return scene if ephemeral else {**scene, "message": message}


def in_view(view: Json) -> Json:
    """Elements in a modal or a home tab, whose `state` is a part of it."""
    return {"container": {"type": "view", "view_id": view["id"]}, "view": view}


def _by(person: Person) -> Json:
    return {
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": TEAM.id},
        "api_app_id": APP_ID,
        "token": TOKEN,
        "team": {"id": TEAM.id, "domain": TEAM.domain},
        "enterprise": None,
        "is_enterprise_install": False,
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


def app_home_opened(person: Person, direct: str, tab: str, view: Json | None, moment: str) -> Json:
    """The event of a person who opened the app; with the home tab, once there is one."""
    event: Json = {"type": "app_home_opened", "user": person.id, "channel": direct, "tab": tab, "event_ts": moment}
    return {**event, "view": view} if view and tab == "home" else event
