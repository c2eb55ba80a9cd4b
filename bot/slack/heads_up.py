"""The end of a run in a few lines, for a channel or a person outside of its thread. Pure. It mentions nobody."""

from __future__ import annotations

from bot.ports import Message
from bot.runs.model import SENTENCES, Phase, Reason, Run
from bot.slack import words
from bot.slack.blocks import context, section, title_text
from bot.slack.card import left_by_cancel, local_part, status


def heads_up(run: Run, *, key: str = "", who: str = "", thread: str = "") -> Message:
    """What came of it, whose it was, and where to read on. `thread` is the address of the run's thread, or empty."""
    seconds = (run.ended_at or run.phase_at) - run.created_at
    small = [
        words.whose(who or local_part(run), run.location),
        f"took {words.duration(seconds)}",
        words.link(thread, "thread") if thread else "",
    ]
    said = outcome(run)
    return Message(
        key=key,
        text=words.cut(f"{title_text(run)}: {said}", 500),
        blocks=[section(f"*{title_text(run)}*\n{said}"), context(" · ".join(part for part in small if part))],
    )


def outcome(run: Run) -> str:
    """`Released. Open the release`, or how it failed, in one paragraph."""
    if run.phase is Phase.RELEASED:
        url = str(run.result.get("release_url") or "")
        return "Released. " + (words.link(url, "Open the release") if url else words.code(run.tag))
    if run.phase is Phase.FAILED and run.reason is not None:
        return f"{status(run)}. {SENTENCES[run.reason]}"
    if run.reason is Reason.DISCARDED:
        return f"{status(run)}. {SENTENCES[run.reason]}"
    if run.phase is Phase.CANCELLED:
        return "Cancelled. " + left_by_cancel(run)
    return f"{status(run)}."
