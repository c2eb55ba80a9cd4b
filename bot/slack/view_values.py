"""What a person entered or chose, out of Slack's many shapes of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Value = str | list[str] | None

_SINGLE = (
    "value",
    "selected_user",
    "selected_channel",
    "selected_conversation",
    "selected_date",
    "selected_time",
    "selected_date_time",
)
_SEVERAL = ("selected_users", "selected_channels", "selected_conversations")


def values_of(view: Mapping[str, Any]) -> dict[str, Value]:
    """The fields of a modal or home tab as they stand: block id -> what is in it. A block has one field here."""
    state = (view.get("state") or {}).get("values") or {}
    return {str(block): chosen(next(iter(fields.values()), {})) for block, fields in state.items()}


def chosen(element: Mapping[str, Any]) -> Value:
    """The text, or the value chosen, of one field or action; a list for one that takes several; None for nothing."""
    if isinstance(element.get("selected_options"), list):
        return [str(option.get("value")) for option in element["selected_options"]]
    if element.get("selected_option"):
        return str(element["selected_option"].get("value"))
    for name in _SEVERAL:
        if isinstance(element.get(name), list):
            return [str(one) for one in element[name]]
    for name in _SINGLE:
        if element.get(name) not in (None, ""):
            return str(element[name])
    return None
