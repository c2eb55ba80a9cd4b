"""What somebody asked for beside branch and tag: as the card shows it, and as it would be typed again. Pure."""

from __future__ import annotations

import re

from bot.runs.model import Kind, Run
from bot.runs.names import smoke_name
from bot.slack import words

_SHOWN = 8
"""Parameters that a card names; more are counted."""
_USER = re.compile(r"[UW][A-Z0-9]{2,20}")


def asked(run: Run) -> str:
    """`Retry of run 42 · with train.epochs = 3 · every stage runs`; empty for a run without any of it."""
    options = run.options
    parts = [f"Retry of run {run.retry_of}"] if run.retry_of is not None else []
    if options.set:
        parts.append(f"with {parameters(run)}")
    if options.force:
        parts.append("every stage runs, changed or not")
    return " · ".join(parts)


def parameters(run: Run) -> str:
    """`train.epochs = 3` and `train.seed = 1`, as code; empty where none was set."""
    values = [words.code(f"{name} = {value}", 80) for name, value in run.options.set.items()]
    more = [f"{len(values) - _SHOWN} more"] if len(values) > _SHOWN else []
    return words.listing([*values[:_SHOWN], *more])


def command(run: Run, *, smoke: bool | None = None) -> str:
    """What asks for the same again, on the branch as it is now; `smoke` makes it a smoke test, or a real one."""
    if run.kind is Kind.REPRODUCE:
        return f"/reproduce {run.tag}"
    options = run.options
    smoke = options.smoke if smoke is None else smoke
    tag = run.tag if run.tag != smoke_name(run.branch) else "" if smoke else "<tag>"
    parts = ["/train", run.branch, tag, f"--on {options.on}" if options.on else ""]
    parts += [f"--set {_typed(f'{name}={value}')}" for name, value in options.set.items()]
    parts += ["--smoke" if smoke else "", "--force" if options.force else ""]
    return " ".join(part for part in parts if part)


def mentions(run: Run) -> str:
    """Who is told at the end: the person who asked, and whom they named."""
    named = (user for user in run.options.notify if _USER.fullmatch(user))
    return " ".join(f"<@{user}>" for user in dict.fromkeys([run.user, *named]))


def mention(user: str) -> str:
    """A mention of the Slack user with that id; empty for what is none."""
    return f"<@{user}>" if _USER.fullmatch(user) else ""


def _typed(word: str) -> str:
    return f'"{word}"' if re.search(r"\s", word) else word
