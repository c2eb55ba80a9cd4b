"""What stands in the modal: read from its fields, and turned into a training. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.runs.model import TrainOptions
from bot.runs.names import wrong_with_branch, wrong_with_tag
from bot.slack.words import entities
from commands.modal import parameters

BRANCH, TAG, ON, HOW, FORCE, MORE, NOTIFY = "branch", "tag", "on", "how", "force", "more", "notify"
"""The ids of the blocks, each with one field."""
USUAL = ":usual"
"""The choice of the machine that a person trains on without saying so; no location is called that."""
FULL, SMOKE = "full", "smoke"


@dataclass(frozen=True)
class Draft:
    """`set` holds the fields of single parameters by their block's id, `more` the lines for the others."""

    branch: str = ""
    tag: str = ""
    on: str = USUAL
    smoke: bool = False
    force: bool = False
    set: Mapping[str, str] = field(default_factory=dict)
    more: str = ""
    notify: tuple[str, ...] = ()


@dataclass(frozen=True)
class Private:
    """What a modal carries with it: the channel it was opened from, and what the last look found.

    `same`: the release that has the very model of `branch`, if any.
    """

    channel: str
    branch: str = ""
    same: str = ""

    def text(self) -> str:
        """As `private_metadata` (at most 3,000 characters, which is more than this can have)."""
        return json.dumps({"channel": self.channel, "branch": self.branch, "same": self.same})


def private_of(text: str) -> Private:
    """What `Private.text` wrote."""
    return Private(**json.loads(text))


def draft_of(values: Mapping[str, Any]) -> Draft:
    """The fields as they stand, block id -> what is in it."""
    return Draft(
        branch=str(values.get(BRANCH) or ""),
        tag=str(values.get(TAG) or "").strip(),
        on=str(values.get(ON) or USUAL),
        smoke=values.get(HOW) == SMOKE,
        force=bool(values.get(FORCE)),
        set={name: str(value) for name, value in values.items() if parameters.is_field(name) and value},
        more=str(values.get(MORE) or ""),
        notify=tuple(values.get(NOTIFY) or ()),
    )


def drafted(branch: str, tag: str, options: TrainOptions) -> Draft:
    """The draft of a training that is wished already: all of its parameters stand among the other ones."""
    lines = [f"{name}={value}" for name, value in options.set.items()]
    on = options.on or USUAL
    return Draft(branch, tag, on, options.smoke, options.force, more="\n".join(lines), notify=options.notify)


def options_of(draft: Draft) -> TrainOptions:
    """The training's options, as far as the draft is right."""
    given = {parameters.name_of(block): parameters.raw(block, text) for block, text in draft.set.items()}
    given.update(_pairs(draft.more))
    on = None if draft.on == USUAL else draft.on
    return TrainOptions(on=on, set=given, smoke=draft.smoke, force=draft.force, notify=draft.notify)


def wrong_with(draft: Draft) -> dict[str, str]:
    """Block id -> the sentence that belongs beside its field; empty when all can be read."""
    found: dict[str, str] = {}
    wrong = wrong_with_branch(draft.branch) if draft.branch else "is missing: choose one"
    if wrong:
        found[BRANCH] = f"The branch {wrong}."
    if not draft.smoke:
        wrong = wrong_with_tag(draft.tag) if draft.tag else "is missing: the release needs a name, such as v1.0.0"
        if wrong:
            found[TAG] = f"The tag {wrong.replace('`', '')}."
    for block, text in draft.set.items():
        sentence = parameters.wrong_with(block, text)
        if sentence:
            found[block] = sentence
    sentence = _wrong_with_more(draft)
    if sentence:
        found[MORE] = sentence
    return found


def _pairs(more: str) -> Iterator[tuple[str, str]]:
    for line in more.splitlines():
        name, separator, value = line.partition("=")
        if separator and name.strip() and value.strip():
            yield name.strip(), value.strip()


def _wrong_with_more(draft: Draft) -> str:
    names = [parameters.name_of(block) for block in draft.set]
    for line in filter(None, map(str.strip, draft.more.splitlines())):
        pair = next(_pairs(line), None)
        if pair is None:
            return f"“{entities(line[:60])}” is no name=value: write one a line, such as train.epochs=5."
        if pair[0] in names:
            return f"{entities(pair[0][:60])} is given twice."
        names.append(pair[0])
    return ""
