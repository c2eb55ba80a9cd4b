"""views.*: modals and the home tab."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.call import Call
from bot.sandbox.slack.limits import check_view
from bot.sandbox.slack.parts import Parts
from bot.sandbox.slack.refusal import Refusal, refuse

Json = dict[str, Any]


def start(parts: Parts, call: Call) -> Json:
    """A modal."""
    view = _view(call, "modal")
    return {"view": parts.views.open(call.required("trigger_id"), view)}


def push(parts: Parts, call: Call) -> Json:
    """A modal on top of the open one."""
    view = _view(call, "modal")
    return {"view": parts.views.open(call.required("trigger_id"), view, push=True)}


def update(parts: Parts, call: Call) -> Json:
    """An open modal, changed."""
    view = _view(call, "modal")
    if not (call.text("view_id") or call.text("external_id")):
        raise Refusal("invalid_arguments")
    return {"view": parts.views.update(call.text("view_id"), call.text("external_id"), view, call.text("hash"))}


def publish(parts: Parts, call: Call) -> Json:
    """A person's home tab."""
    view = _view(call, "home")
    person = parts.workspace.person(call.required("user_id"))
    return {"view": parts.views.publish(person.id, view, call.text("hash"))}


def _view(call: Call, kind: str) -> Json:
    view = call.json("view")
    refuse(check_view(view, kind))
    return dict(view)
