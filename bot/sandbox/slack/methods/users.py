"""users.*: who is there."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.call import Call
from bot.sandbox.slack.paging import page
from bot.sandbox.slack.parts import Parts
from bot.sandbox.slack.people import APP_ID, BOT, PEOPLE, SLACKBOT, TEAM, Person
from bot.sandbox.slack.refusal import Refusal

Json = dict[str, Any]


def info(parts: Parts, call: Call) -> Json:
    """One person by id."""
    wanted = call.required("user")
    person = parts.workspace.person(wanted)
    if person.id != wanted:
        raise Refusal("user_not_found")
    return {"user": _shown(person)}


def lookup_by_email(parts: Parts, call: Call) -> Json:
    """One person by e-mail address; capitals do not matter."""
    wanted = call.required("email").lower()
    if "@" not in wanted:
        raise Refusal("users_not_found")
    try:
        return {"user": _shown(parts.workspace.person(wanted))}
    except Refusal:
        raise Refusal("users_not_found") from None


def every(_parts: Parts, call: Call) -> Json:
    """Everyone, bots too."""
    items, cursor = page(PEOPLE, call, most=1000, usual=1000)
    return {"members": [_shown(each) for each in items], "cache_ts": 0, "response_metadata": {"next_cursor": cursor}}


def _shown(person: Person) -> Json:
    profile: Json = {
        "real_name": person.real_name,
        "real_name_normalized": person.real_name,
        "display_name": person.name,
        "display_name_normalized": person.name,
        "team": TEAM.id,
    }
    if person.email:
        profile["email"] = person.email
    if person is BOT:
        profile |= {"api_app_id": APP_ID, "bot_id": BOT.bot_id, "always_active": True}
    return {
        "id": person.id,
        "team_id": TEAM.id,
        "name": person.name,
        "real_name": person.real_name,
        "deleted": False,
        "tz": "Etc/UTC",
        "tz_label": "Coordinated Universal Time",
        "tz_offset": 0,
        "is_admin": False,
        "is_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": person.is_bot and person is not SLACKBOT,  # Slack itself says that Slackbot is none
        "is_app_user": False,
        "is_email_confirmed": person.email is not None,
        "updated": 0,
        "profile": profile,
    }
