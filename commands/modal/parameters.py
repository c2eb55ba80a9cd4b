"""One field for each parameter of params.yaml: numbers, yes or no, and words. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from bot.slack import words
from trainer.parameters import GATES, SMOKE

MOST = 20
"""Fields; the other parameters have lines of their own."""
LONGEST = 1_000
"""Characters of one value."""

_PREFIX = "set:"
_INT, _FLOAT, _BOOL, _TEXT = "int", "float", "bool", "text"
_LONGEST_BLOCK_ID = 255
_YES_NO = {"true": "yes", "false": "no"}

Block = dict[str, Any]


def is_field(block: str) -> bool:
    """Whether a block of that id is a parameter's."""
    return block.startswith(_PREFIX)


def name_of(block: str) -> str:
    """The dotted name of a field's parameter."""
    return block.split(":", 2)[2]


def raw(block: str, text: str) -> str:
    """What was entered, as a flag `--set` would have it."""
    number = _number(text)
    if block.startswith(f"{_PREFIX}{_INT}:") and isinstance(number, int):
        return str(number)
    return text.strip()


def wrong_with(block: str, text: str) -> str:
    """What is wrong with what was entered; empty when it has the parameter's type."""
    kind = block.split(":", 2)[1]
    if len(text) > LONGEST:
        return "That is too long for a parameter."
    if kind == _INT and not isinstance(_number(text), int):
        return "This parameter is a whole number, such as 12."
    if kind == _FLOAT and _number(text) is None:
        return "This parameter is a number, such as 0.001."
    if kind == _BOOL and text not in _YES_NO:
        return "This parameter is yes or no."
    return ""


def blocks(values: Mapping[str, Any], given: Mapping[str, str]) -> list[Block]:
    """The fields, each optional, with the present value as its placeholder; `given` is what was entered before."""
    return [_block(name, value, given) for name, value in _fields(values)]


def left_out(values: Mapping[str, Any]) -> int:
    """How many parameters have no field of their own."""
    return len(_flat(values)) - len(_fields(values))


def _fields(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    fit = [(name, value) for name, value in _flat(values) if _kind(value) and len(name) < _LONGEST_BLOCK_ID - 20]
    return fit[:MOST]


def _flat(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Dotted names, but for what only smoke runs are set to."""
    return [pair for name, value in values.items() if name not in (SMOKE, GATES) for pair in _leaves(str(name), value)]


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        yield name, value
        return
    for inner, each in value.items():
        yield from _leaves(f"{name}.{inner}", each)


def _kind(value: Any) -> str:
    """The type of a parameter that one field can hold; empty for lists and the like."""
    if isinstance(value, bool):
        return _BOOL
    kinds = {int: _INT, float: _FLOAT, str: _TEXT}
    return next((kind for known, kind in kinds.items() if isinstance(value, known)), "")


def _block(name: str, value: Any, given: Mapping[str, str]) -> Block:
    kind = _kind(value)
    block_id = f"{_PREFIX}{kind}:{name}"
    entered = given.get(block_id)
    shown = words.cut(" ".join(words.clean(str(value)).split()), 140)
    if kind == _BOOL:
        shown = _YES_NO[str(value).lower()]
        element: Block = {"type": "static_select", "options": [_option(each) for each in _YES_NO]}
        if entered in _YES_NO:
            element["initial_option"] = _option(entered)
    else:
        element = {"type": "plain_text_input", "max_length": LONGEST}
        if entered:
            element["initial_value"] = entered[:LONGEST]
    element |= {"action_id": "train-parameter", "placeholder": _plain(shown or "empty")}
    label = _plain(words.cut(words.clean(name), 200) or "?")
    return {"type": "input", "block_id": block_id, "optional": True, "label": label, "element": element}


def _option(value: str) -> Block:
    return {"text": _plain(_YES_NO[value]), "value": value}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _number(text: str) -> int | float | None:
    for read in (int, float):
        try:
            number = read(text.strip())
        except ValueError:
            continue
        return number if math.isfinite(number) else None
    return None
