"""The Web API: every method that this Slack knows, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.sandbox.slack.call import Call
from bot.sandbox.slack.methods import apps, chat, conversations, files, reactions, users, views
from bot.sandbox.slack.parts import Parts
from bot.sandbox.slack.people import APP_TOKEN, BOT_TOKEN
from bot.sandbox.slack.refusal import Refusal

Method = Callable[[Parts, Call], dict[str, Any]]

METHODS: dict[str, Method] = {
    "api.test": apps.api_test,
    "apps.connections.open": apps.connections_open,
    "auth.test": apps.auth_test,
    "chat.delete": chat.delete,
    "chat.getPermalink": chat.get_permalink,
    "chat.postEphemeral": chat.post_ephemeral,
    "chat.postMessage": chat.post_message,
    "chat.update": chat.update,
    "conversations.history": conversations.history,
    "conversations.info": conversations.info,
    "conversations.list": conversations.every,
    "conversations.members": conversations.members,
    "conversations.open": conversations.start,
    "conversations.replies": conversations.replies,
    "files.completeUploadExternal": files.complete_upload,
    "files.getUploadURLExternal": files.get_upload_url,
    "files.info": files.info,
    "reactions.add": reactions.add,
    "users.info": users.info,
    "users.list": users.every,
    "users.lookupByEmail": users.lookup_by_email,
    "views.open": views.start,
    "views.publish": views.publish,
    "views.push": views.push,
    "views.update": views.update,
}
# which token opens a method, where it is not the bot's; None: none is needed
_TOKENS: dict[str, str | None] = {"apps.connections.open": APP_TOKEN, "api.test": None}


def answer(parts: Parts, call: Call) -> dict[str, Any]:
    """The body of the answer to a call, refusals included."""
    try:
        method = METHODS.get(call.method)
        if method is None:
            raise Refusal("unknown_method", req_method=call.method)  # noqa: TRY301 - all refusals end below
        _authorise(call)
        return {"ok": True, **method(parts, call)}
    except Refusal as refusal:
        return refusal.answer()


def _authorise(call: Call) -> None:
    wanted = _TOKENS.get(call.method, BOT_TOKEN)
    if wanted is None or call.token == wanted:
        return
    if not call.token:
        raise Refusal("not_authed")
    raise Refusal("not_allowed_token_type" if call.token in (APP_TOKEN, BOT_TOKEN) else "invalid_auth")
