"""Block Kit's few shapes that Stationmaster uses, each inside Slack's limits whatever it is given. Pure.

Limits (facts/platform-limits.md, Slack): header 150 characters, section text 3,000, all blocks of a message about
13,200. A message of ours stays under 10,000: a tail or a table brings its own limit (`words.fence`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.runs.model import Kind, Run
from bot.slack import words

Block = dict[str, Any]

_HEADER, _SECTION, _CONTEXT = 150, 2_900, 1_000


def title(run: Run) -> str:
    """`Run 42 · main → v1.0.0`; else `Run 42 · image of main`, `· smoke test of main`, `· reproduction of v1.0.0`."""
    if run.kind is Kind.REPRODUCE:
        return f"Run {run.id} · reproduction of {words.clean(run.tag)}"
    if run.kind is Kind.SMOKE:
        return f"Run {run.id} · smoke test of {words.clean(run.branch)}"
    if run.kind is Kind.BUILD:
        return f"Run {run.id} · image of {words.clean(run.branch)}"
    return f"Run {run.id} · {words.clean(run.branch)} → {words.clean(run.tag)}"


def title_text(run: Run) -> str:
    """The same for mrkdwn."""
    return words.escape(title(run), 200)


def header(text: str) -> Block:
    """A large line. Plain text: nothing in it is markup."""
    return {"type": "header", "text": plain(words.clean(text).replace("\n", " "), _HEADER)}


def section(text: str) -> Block:
    """A paragraph of mrkdwn."""
    return {"type": "section", "text": _mrkdwn(text, _SECTION)}


def context(*lines: str) -> Block:
    """Small grey lines of mrkdwn; empty ones are left out."""
    return {"type": "context", "elements": [_mrkdwn(line, _CONTEXT) for line in lines if line] or [_mrkdwn("·", 10)]}


def plain(text: str, limit: int) -> Block:
    """Text in which nothing is markup, such as a label."""
    return {"type": "plain_text", "text": words.cut(text, limit) or " ", "emoji": False}


def button(label: str, action: str, value: str, *, spoken: str = "", **more: Any) -> Block:
    """A button; `action` says what a press does (`commands.BUTTONS`), up to a colon.

    `spoken` is what a screen reader says, where the label alone says too little.
    """
    made = {"type": "button", "action_id": action, "value": value, "text": plain(words.clean(label), 75), **more}
    if spoken:
        made["accessibility_label"] = words.cut(words.clean(spoken), 75)
    return made


def actions(*elements: Block, block_id: str = "") -> Block:
    """A row of buttons."""
    return {"type": "actions", "elements": list(elements), **({"block_id": block_id} if block_id else {})}


def table(rows: Sequence[Sequence[str]], limit: int = 2_000) -> str:
    """Rows in columns of equal width as a block of code, the first column to the left; as many as fit."""
    cells = [[" ".join(words.clean(cell).split())[:48] for cell in row] for row in rows]
    widths = [max((len(row[at]) for row in cells if at < len(row)), default=0) for at in range(max(map(len, cells)))]
    lines = []
    for row in cells:
        first, *rest = row
        line = "  ".join([first.ljust(widths[0]), *(cell.rjust(widths[at]) for at, cell in enumerate(rest, 1))])
        limit -= words.weight(words.entities(line)) + 2
        if limit < 0:
            break
        lines.append(line.rstrip())
    return words.fence(lines, limit=2_600)


def bar(fraction: float, width: int = 20) -> str:
    """A progress bar of `width` characters."""
    full = round(min(1.0, max(0.0, fraction)) * width)
    return "█" * full + "░" * (width - full)


def number_of(values: Mapping[str, Any], name: str) -> float | None:
    """A number out of an event's fields, or None: what a location writes is not trusted to be one."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < 10**15 else None  # also leaves out what is not a number at all


def mapping_of(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A record inside a record; an empty one where there is none."""
    value = values.get(name)
    return value if isinstance(value, Mapping) else {}


def image_name(run: Run) -> str:
    """The name that people know a run's image by; with it the engine keeps which one it is exactly."""
    return str(run.result.get("image_name") or run.result.get("image") or "")


def was_made(run: Run) -> bool:
    """Whether a run had to build its image; else it was there, or in the registry."""
    return mapping_of(run.progress, "image").get("state") in ("built", "pushed")


def _mrkdwn(text: str, limit: int) -> Block:
    return {"type": "mrkdwn", "text": words.cut(text, limit), "verbatim": True}
