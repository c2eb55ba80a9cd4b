"""What is said of a result that its gates held back, and of who decided. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.runs.gates import failed_gates
from bot.runs.model import Run
from bot.slack import words
from bot.slack.asked import mention, mentions

_SHOWN = 8
_MENTIONED = 8
"""People who may decide and are mentioned; a large team names a few of them."""


def held_back(run: Run, facts: Mapping[str, Any], _names: Mapping[str, str]) -> str:
    """The one message that asks for a decision: it mentions who asked for the run, and those who may decide."""
    approvers = facts.get("approvers")
    asked = [mention(str(user)) for user in approvers][:_MENTIONED] if isinstance(approvers, list | tuple) else []
    asked = [each for each in asked if each]
    release, discard = words.code(f"/release {run.id} <reason>"), words.code(f"/discard {run.id}")
    if asked:
        decide = f"{words.listing(asked)} may decide: {release} or {discard}, or the buttons below."
    else:
        decide = (
            f"Nobody is named who may release it all the same: whoever runs Stationmaster does so with "
            f"RELEASE_APPROVERS or SLACK_ADMINS. {discard} ends it."
        )
    kept = f"Its data, commit and tag {words.code(run.tag)} are saved, and the machine is given back."
    return f"{mentions(run)} *{words.escape(run.tag, 80)} is held back.*\n{failed(run)}\n{kept} {decide}"


def failed(run: Run) -> str:
    """Which metric is worse, by how much and than which release: a line each."""
    sentences = failed_gates(run)
    lines = [f"• {words.escape(sentence, 400)}" for sentence in sentences[:_SHOWN]]
    more = [f"and {len(sentences) - _SHOWN} more"] if len(sentences) > _SHOWN else []
    return "\n".join([*lines, *more])


def all_the_same(run: Run, approval: Mapping[str, Any]) -> str:
    """Who released it although it was held back, and why."""
    who, reason = words.escape(str(approval.get("who")), 80), words.escape(str(approval.get("reason")), 500)
    return f"It was held back, and {who} released it all the same: {reason}\n{failed(run)}"
