"""The elements of blocks that people act upon: where they stand, what they hold, and how Slack writes that. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Values = dict[str, dict[str, Json]]
"""What is in the elements of one surface: block_id -> action_id -> {"type": kind, <its field>: what it holds}."""

TYPED = ("plain_text_input", "email_text_input", "url_text_input", "number_input")
# kind -> the field that holds its value, and the one with the value that it begins with
HOLDS = {
    **dict.fromkeys(TYPED, ("value", "initial_value")),
    **dict.fromkeys(("static_select", "external_select", "radio_buttons"), ("selected_option", "initial_option")),
    **dict.fromkeys(
        ("multi_static_select", "multi_external_select", "checkboxes"), ("selected_options", "initial_options")
    ),
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "rich_text_input": ("rich_text_value", "initial_value"),
}
STATELESS = {"overflow": "selected_option", "button": "value"}
MANY = tuple(kind for kind, (field, _) in HOLDS.items() if field.endswith("s"))
_COPIED = (
    "placeholder",
    "confirm",
    "min_query_length",
    "initial_option",
    "initial_date",
    "initial_time",
    "initial_user",
)


@dataclass(frozen=True, slots=True)
class Placed:
    """An element and the block around it."""

    block: Json
    element: Json

    @property
    def kind(self) -> str:
        """Its type."""
        return str(self.element["type"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The words by which a person knows it."""
        texts = (self.block.get("label"), self.element.get("text"), self.block.get("text"))
        named = [text["text"] for text in texts if isinstance(text, dict)]
        return (str(self.element.get("accessibility_label") or ""), *named)

    @property
    def dispatches(self) -> bool:
        """Whether the app hears of it at once: everything outside input blocks, and inputs that ask for it."""
        return self.block["type"] != "input" or bool(self.block.get("dispatch_action"))


def placed(blocks: Sequence[Json]) -> Iterator[Placed]:
    """Every element in `blocks`, from top to bottom."""
    for block in blocks:
        for element in [*block.get("elements", []), block.get("accessory"), block.get("element")]:
            if isinstance(element, dict) and element.get("action_id"):
                yield Placed(block, element)


def find(blocks: Sequence[Json], name: str, block_id: str | None = None) -> Placed | None:
    """The element with the action_id `name` or, failing that, the label `name`."""
    here = [each for each in placed(blocks) if block_id in (None, "", each.block.get("block_id"))]
    by_id = (each for each in here if each.element["action_id"] == name)
    by_label = (each for each in here if name in each.labels)
    return next(by_id, None) or next(by_label, None)


def state_of(blocks: Sequence[Json], held: Mapping[str, Mapping[str, Json]]) -> Values:
    """What every stateful element holds: what `held` says of it, else what it begins with."""
    values: Values = {}
    for each in placed(blocks):
        if each.kind not in HOLDS:
            continue
        action_id, block_id = each.element["action_id"], each.block["block_id"]
        known = held.get(block_id, {}).get(action_id)
        same = known is not None and known["type"] == each.kind
        values.setdefault(block_id, {})[action_id] = dict(known) if known and same else _initial(each)
    return values


def held_as(kind: str, value: Any) -> Json:
    """`value` as the state of an element of this kind."""
    return {"type": kind, HOLDS[kind][0]: value}


def action_of(where: Placed, value: Any, moment: str) -> Json:
    """One of the `actions` of a block_actions payload: the element, and what it holds now."""
    element = where.element
    action: Json = {"action_id": element["action_id"], "block_id": where.block["block_id"]}
    if where.kind == "button":
        action |= {name: element[name] for name in ("text", "value", "style", "url") if name in element}
    else:
        action |= {name: element[name] for name in _COPIED if name in element}
        action[HOLDS[where.kind][0] if where.kind in HOLDS else STATELESS[where.kind]] = value
    return {**action, "type": where.kind, "action_ts": moment}


def options_of(element: Json) -> list[Json]:
    """The options that an element carries, those in groups too."""
    groups = element.get("option_groups") or []
    return [*(element.get("options") or []), *(option for group in groups for option in group.get("options", []))]


def with_ids(blocks: Sequence[Json], fresh: Callable[[], object]) -> list[Json]:
    """Blocks as Slack stores them: each with a block_id, each element with an action_id."""
    return [_with_id(block, fresh) for block in blocks]


def _with_id(block: Json, fresh: Callable[[], object]) -> Json:
    block = {**block, "block_id": block.get("block_id") or f"b{fresh()}"}
    if block.get("type") == "actions":
        block["elements"] = [_with_action_id(each, fresh) for each in block["elements"]]
    for name in ("accessory", "element"):
        if name in block:
            block[name] = _with_action_id(block[name], fresh)
    return block


def _with_action_id(element: Json, fresh: Callable[[], object]) -> Json:
    if element.get("type") == "image":
        return element
    return {**element, "action_id": element.get("action_id") or f"a{fresh()}"}


def _initial(each: Placed) -> Json:
    value = each.element.get(HOLDS[each.kind][1])
    return held_as(each.kind, [] if value is None and each.kind in MANY else value)
