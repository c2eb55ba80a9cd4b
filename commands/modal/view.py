"""The modal itself, inside Slack's limits whatever it is given. Pure.

Limits (facts/platform-limits.md, Slack): 100 blocks, 75 characters of an option and 150 of its value, 100 options.
A field keeps what was entered as long as its block keeps its id, so the ids are the same in every version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.slack import words
from bot.slack.blocks import Block, section
from commands.modal import answer, parameters
from commands.modal.draft import BRANCH, FORCE, FULL, HOW, MORE, NOTIFY, ON, SMOKE, TAG, USUAL, Draft, Private

FORM = "train"
"""The modal's callback id."""
CHOOSE_BRANCH, CHOOSE_PLACE, CHOOSE_HOW, CHOOSE_FORCE, AGAIN = (
    "train-branch",
    "train-place",
    "train-how",
    "train-force",
    "train-again",
)
"""Action ids: each has the modal looked at again."""

PARAMETERS = "*Parameters* of this run alone. What stays empty is as params.yaml says."

_ANSWER = "answer"
_MOST_PLACES = 99
_OPTION, _OPTION_VALUE = 75, 150
_KEPT = ("type", "callback_id", "title", "submit", "close", "private_metadata")


def waiting(private: Private) -> dict[str, Any]:
    """Before anything is known: there is nothing to enter yet."""
    return _modal(private, [section("Asking GitLab for branches and tags …")], ready=False)


def form(
    private: Private,
    draft: Draft,
    places: Mapping[str, str],
    found: Sequence[str],
    values: Mapping[str, Any],
) -> dict[str, Any]:
    """All of it. `places`: location or pool -> what people read; `found`: the answer in paragraphs.

    `values` are the parameters that the branch has now.
    """
    fields = parameters.blocks(values, draft.set)
    if fields:
        fields.insert(0, {**section(PARAMETERS), "block_id": "parameters"})
    blocks = [
        _branch(draft),
        _tag(draft),
        _place(draft, places),
        *_answer(found),
        _how(draft),
        _force(draft),
        _notify(draft),
        *fields,
        _more(draft, parameters.left_out(values), has_fields=bool(fields)),
    ]
    return _modal(private, blocks, ready=True)


def with_answer(view: Mapping[str, Any], found: Sequence[str]) -> dict[str, Any]:
    """The modal that is open, with another answer: nothing of what was entered moves."""
    blocks: list[Block] = []
    for block in view.get("blocks") or ():
        if not str(block.get("block_id", "")).startswith(_ANSWER):
            blocks.append(dict(block))
        elif block.get("block_id") == f"{_ANSWER}-0":
            blocks += _answer(found)
    return {**{name: view[name] for name in _KEPT if view.get(name)}, "blocks": blocks}


def options(branches: Iterable[str]) -> list[Block]:
    """Branches as choices of the list; one too long for Slack is left out, and can be typed as a command."""
    return [_option(name, name) for name in branches if len(name) <= _OPTION_VALUE]


def _modal(private: Private, blocks: Sequence[Block], *, ready: bool) -> dict[str, Any]:
    view = {
        "type": "modal",
        "callback_id": FORM,
        "title": _plain("Train a model"),
        "close": _plain("Close"),
        "private_metadata": private.text(),
        "blocks": list(blocks),
    }
    return {**view, "submit": _plain("Train")} if ready else view


def _answer(lines: Sequence[str]) -> list[Block]:
    parts = [{**section(line), "block_id": f"{_ANSWER}-{at}"} for at, line in enumerate(lines[:5])]
    again = {"type": "button", "action_id": AGAIN, "text": _plain("Check again"), "value": AGAIN}
    return [*parts, {"type": "actions", "block_id": f"{_ANSWER}-again", "elements": [again]}]


def _branch(draft: Draft) -> Block:
    element: Block = {"type": "external_select", "action_id": CHOOSE_BRANCH, "min_query_length": 0}
    element["placeholder"] = _plain("Choose, or type a part of its name")
    if draft.branch and len(draft.branch) <= _OPTION_VALUE:
        element["initial_option"] = _option(draft.branch, draft.branch)
    return _input(BRANCH, "Branch", element, heard=True)


def _tag(draft: Draft) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": "train-tag", "max_length": 63}
    if draft.tag:
        element["initial_value"] = draft.tag[:63]
    hint = "A smoke test needs none." if draft.smoke else "The release is called that."
    return _input(TAG, "Tag", element, hint=hint, optional=draft.smoke)


def _place(draft: Draft, places: Mapping[str, str]) -> Block:
    shown = [_option(text, value) for value, text in places.items() if len(value) <= _OPTION_VALUE][:_MOST_PLACES]
    element: Block = {"type": "static_select", "action_id": CHOOSE_PLACE, "options": shown}
    chosen = next((each for each in shown if each["value"] == draft.on), None)
    element["initial_option"] = chosen or next(each for each in shown if each["value"] == USUAL)
    return _input(ON, "Machine", element, heard=True)


def _how(draft: Draft) -> Block:
    full = _option("Full training, with a release", FULL)
    smoke = _option("Smoke test: little data, a few minutes, no release", SMOKE)
    element: Block = {"type": "radio_buttons", "action_id": CHOOSE_HOW, "options": [full, smoke]}
    element["initial_option"] = smoke if draft.smoke else full
    return _input(HOW, "What to run", element, heard=True)


def _force(draft: Draft) -> Block:
    every = _option(answer.RUN_ALL, FORCE)
    element: Block = {"type": "checkboxes", "action_id": CHOOSE_FORCE, "options": [every]}
    if draft.force:
        element["initial_options"] = [every]
    return _input(FORCE, "Stages that have not changed", element, heard=True, optional=True)


def _notify(draft: Draft) -> Block:
    element: Block = {"type": "multi_users_select", "action_id": "train-notify", "placeholder": _plain("Nobody else")}
    if draft.notify:
        element["initial_users"] = list(draft.notify)
    return _input(NOTIFY, "Who else hears of the end", element, optional=True)


def _more(draft: Draft, left_out: int, *, has_fields: bool) -> Block:
    element: Block = {"type": "plain_text_input", "action_id": "train-more", "multiline": True, "max_length": 3_000}
    element["placeholder"] = _plain("train.epochs=5")
    if draft.more:
        element["initial_value"] = draft.more[:3_000]
    count = f", for {words.plural(left_out, 'more parameter')} of params.yaml" if left_out else ""
    label = "Other parameters" if has_fields else "Parameters"
    return _input(
        MORE,
        label,
        element,
        hint=f"name=value, one a line{count}. {'' if has_fields else 'For this run only.'}".strip(),
        optional=True,
    )


def _input(
    block_id: str, label: str, element: Block, *, hint: str = "", heard: bool = False, optional: bool = False
) -> Block:
    block: Block = {"type": "input", "block_id": block_id, "label": _plain(label), "element": element}
    if hint:
        block["hint"] = _plain(hint)
    if heard:
        block["dispatch_action"] = True
    return {**block, "optional": True} if optional else block


def _option(text: str, value: str) -> Block:
    shown = words.clean(text) or "?"
    return {"text": _plain(shown if len(shown) <= _OPTION else "…" + shown[1 - _OPTION :]), "value": value}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}
