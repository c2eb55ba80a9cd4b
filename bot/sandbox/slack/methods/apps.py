"""api.test, auth.test, apps.connections.open."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.call import Call
from bot.sandbox.slack.parts import Parts
from bot.sandbox.slack.people import BOT, TEAM
from bot.sandbox.slack.refusal import Refusal


def api_test(_parts: Parts, call: Call) -> dict[str, Any]:
    """Says ok, or the error it was asked for."""
    if call.text("error"):
        raise Refusal(call.text("error"))
    return {"args": {}}


def auth_test(parts: Parts, _call: Call) -> dict[str, Any]:
    """Whose token it is."""
    return {
        "url": parts.address + "/",
        "team": TEAM.name,
        "user": BOT.name,
        "team_id": TEAM.id,
        "user_id": BOT.id,
        "bot_id": BOT.bot_id,
        "is_enterprise_install": False,
    }


def connections_open(parts: Parts, _call: Call) -> dict[str, Any]:
    """The address of a new socket, good for one connection."""
    place = parts.address.replace("http://", "ws://")
    return {"url": f"{place}/link/?ticket={parts.sockets.ticket()}&app_id=sandbox"}
