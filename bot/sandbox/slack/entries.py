"""What people enter: how it is read for each kind of element, and what Slack itself finds wrong with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, time
from typing import Any

from bot.sandbox.slack.elements import HOLDS, MANY, TYPED, Json, Placed, Values, options_of, placed

REQUIRED = "Please complete this required field."
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL = re.compile(r"https?://[^\s/]+\S*")


def read(where: Placed, raw: Any, offered: Sequence[Json] = ()) -> Any:
    """What an element holds once `raw` was entered: text, ids, or options named by their value, text or themselves.

    `offered` are the options of an external select. Raises `ValueError` with a sentence for what cannot be chosen.
    """
    kind = where.kind
    if kind in TYPED:
        return str(raw) if raw not in (None, "") else None
    if kind in MANY:
        return [_one(where, each, offered) for each in raw or []]
    return None if raw in (None, "") else _one(where, raw, offered)


def wrong(blocks: Sequence[Json], values: Values) -> dict[str, str]:
    """What keeps Slack from submitting a modal: sentences by block_id, {} when all is well."""
    found = {}
    for each in placed(blocks):
        if each.block["type"] != "input" or each.kind not in HOLDS:
            continue
        value = values[each.block["block_id"]][each.element["action_id"]][HOLDS[each.kind][0]]
        if sentence := _complaint(each, value):
            found[str(each.block["block_id"])] = sentence
    return found


def _one(where: Placed, raw: Any, offered: Sequence[Json]) -> Any:
    kind = where.kind
    if kind in ("datepicker", "timepicker"):
        return _moment(kind, str(raw))
    if kind == "datetimepicker":
        return int(raw)
    if not HOLDS.get(kind, ("selected_option",))[0].startswith("selected_option"):
        return str(raw)
    options = [*options_of(where.element), *offered]
    for option in options:
        if raw in (option, option["value"], option["text"]["text"]):
            return option
    if isinstance(raw, dict) and kind.endswith("external_select") and {"text", "value"} <= raw.keys():
        return raw
    raise ValueError(f"There is no {raw} to choose here.")


def _moment(kind: str, raw: str) -> str:
    try:
        return date.fromisoformat(raw).isoformat() if kind == "datepicker" else f"{time.fromisoformat(raw):%H:%M}"
    except ValueError:
        raise ValueError(f"{raw} is no {kind.removesuffix('picker')}.") from None


def _complaint(where: Placed, value: Any) -> str | None:
    element = where.element
    if value in (None, "", []):
        return None if where.block.get("optional") else REQUIRED
    if where.kind in _RULES:
        return _RULES[where.kind](element, str(value))
    most = element.get("max_selected_items")
    if where.kind in MANY and most and len(value) > most:
        return f"Please select no more than {most} items."
    return None


def _length(element: Json, text: str) -> str | None:
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if len(text) < least:
        return f"Please enter at least {least} characters."
    return f"Please enter no more than {most} characters." if len(text) > most else None


def _number(element: Json, text: str) -> str | None:
    try:
        number = float(text) if element.get("is_decimal_allowed") else int(text)
    except ValueError:
        return "Please enter a number." if element.get("is_decimal_allowed") else "Please enter a whole number."
    least, most = element.get("min_value"), element.get("max_value")
    if least is not None and number < float(least):
        return f"Please enter a number greater than or equal to {least}."
    if most is not None and number > float(most):
        return f"Please enter a number less than or equal to {most}."
    return None


def _email(_element: Json, text: str) -> str | None:
    return None if _EMAIL.fullmatch(text) else "Please enter a valid email address."


def _url(_element: Json, text: str) -> str | None:
    return None if _URL.fullmatch(text) else "Please enter a valid URL."


_RULES: dict[str, Callable[[Json, str], str | None]] = {
    "plain_text_input": _length,
    "number_input": _number,
    "email_text_input": _email,
    "url_text_input": _url,
}
