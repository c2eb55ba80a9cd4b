"""views.*: modals and the home tab."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.call import Call
from bot.sandbox.slack.limits import check_view
from bot.sandbox.slack.parts import Parts
from bot.sandbox.slack.refusal import refuse

Json = dict[str, Any]


def start(parts: Parts, call: Call) -> Json:
    """A modal."""
    view = _view(call)
    return {"view": parts.views.open(call.required("trigger_id"), view)}


def push(parts: Parts, call: Call) -> Json:
    """A modal on top of the open one."""
    view = _view(call)
    return {"view": parts.views.open(call.required("trigger_id"), view, push=True)}


def update(parts: Parts, call: Call) -> Json:
    """An open modal, changed."""
    view = _view(call)
    return {"view": parts.views.update(call.text("view_id"), call.text("external_id"), view)}


def publish(parts: Parts, call: Call) -> Json:
    """A person's home tab."""
    view = _view(call)
    return {"view": parts.views.publish(parts.workspace.person(call.required("user_id")).id, view)}


def _view(call: Call) -> Json:
    view = call.json("view")
    refuse(check_view(view))
    return dict(view)
