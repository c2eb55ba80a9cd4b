"""What a release says: always the same text for the same run, since a retry compares it. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.runs.gates import failed_gates
from bot.runs.model import Run

SHOWN = 60
"""Rows of a table at most; the whole metrics are in the repository."""


def description(run: Run, *, same_as: str | None) -> str:
    """Markdown for the release page: what it is, how good it is, and how to use it."""
    result = run.result
    pointer = result.get("pointer", "train.dvc")
    by = result.get("trained_by") or {"run": run.id, "who": run.email or run.user}
    parts = [f"Trained by run {by['run']} for {by['who']} from `{run.branch}` at `{run.commit[:10]}`."]
    if same_as:
        parts.append(f"Nothing changed since **{same_as}**: the model is the same.")
    if approval := result.get("approval"):
        parts.append(_all_the_same(failed_gates(run), approval))
    # What says most stands first: names of their own, before those of a group such as per_class.
    if metrics := sorted(flat(result.get("metrics") or {}), key=lambda row: row[0].count(".")):
        parts.append(_table("Metric", metrics))
    parts.append(
        "### Use this model\n\n"
        f"In a DVC repository with the same remote, put [`{pointer}`]({result.get('public_url', '')}) "
        f"beside your code, then:\n\n```sh\ndvc pull {pointer}\n```\n\n"
        f"To train it again: `git checkout {run.tag} && dvc repro`."
    )
    if params := list(flat(result.get("params") or {})):
        parts.append(_table("Parameter", params))
    return "\n\n".join(parts)


def _all_the_same(failed: Sequence[str], approval: Mapping[str, Any]) -> str:
    """What was not good enough, and who released it nevertheless, and why. What people typed stays on its line."""
    lines = "\n".join(f"- {_one_line(sentence)}" for sentence in failed)
    who, reason = (_one_line(str(approval.get(name))) for name in ("who", "reason"))
    return f"### Released all the same\n\n{lines}\n\nReleased by {who}, who says why:\n\n> {reason}"


def fingerprint(pointer_text: str) -> str:
    """Says whether two pointers bring the same files: made from names and checksums only."""
    wanted = re.findall(r"^\s*-?\s*(md5|path):\s*(\S+)\s*$", pointer_text, flags=re.MULTILINE)
    return hashlib.sha256(repr(sorted(wanted)).encode()).hexdigest()[:16]


def asset_path(pointer: str) -> str | None:
    """GitLab's `direct_asset_path` for the pointer, or None where its name does not fit GitLab's pattern."""
    path = f"/{pointer}"
    fits = re.fullmatch(r"/(?:[\-.\w]+/?)*[\da-zA-Z]+", path, flags=re.ASCII) is not None
    return path if fits and len(path) <= 128 else None  # noqa: PLR2004 - facts/platform-limits.md, GitLab


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested names as `a.b`, in the order given."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _table(title: str, rows: list[tuple[str, Any]]) -> str:
    lines = [f"| {title} | Value |", "| --- | --- |"]
    lines += [f"| {cell(name)} | {cell(number(value))} |" for name, value in rows[:SHOWN]]
    if len(rows) > SHOWN:
        lines.append(f"| and {len(rows) - SHOWN} more | |")
    return "\n".join(lines)


def number(value: Any) -> str:
    """A metric's value, to six digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _one_line(text: str) -> str:
    """Text of people as one paragraph: nothing in it is HTML, a mention of GitLab's, or a quick action."""
    return re.sub(r"([<>@])", r"\\\1", re.sub(r"\s+", " ", text)).strip()


def cell(text: str) -> str:
    """Text for a table of Markdown: on one line, and no bar of it is a border."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|")[:200]
