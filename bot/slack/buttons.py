"""The row of buttons below a run's card and its last message: only what makes sense in its phase. Pure.

Each button's value is the run's number; who may press it, and whether it still makes sense, is decided by the press.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.runs.model import Kind, Phase, Reason, Run
from bot.slack import words
from bot.slack.blocks import Block, actions, button, mapping_of, plain

RELEASE_ANYWAY, DISCARD = "release-anyway", "discard"
CANCEL, LOG, RETRY, AGAIN, COMPARE, HOLD = "cancel", "log", "retry", "again", "compare", "hold"
"""The action ids."""
OF_THE_BRANCH = (Reason.CODE, Reason.PIPELINE, Reason.OUT_OF_MEMORY, Reason.IMAGE)
"""Reasons that another try meets again, until something is changed on the branch."""
HOLD_MINUTES = 20
MOST = 5


def row(run: Run, *, without: Sequence[str] = ()) -> list[Block]:
    """One block of at most five buttons, or none at all; `without` has the actions that make no sense in this place."""
    made = [make(run) for wanted, make in _BUTTONS if wanted(run)]
    buttons = [each for each in made if each["action_id"] not in without][:MOST]
    return [actions(*buttons, block_id=f"run-{run.id}")] if buttons else []


def can_cancel(run: Run) -> bool:
    """Whether a cancel button makes sense: not once the result is on its way out, nor when it was asked for already."""
    if run.cancelled_by or run.phase.ended or run.phase in (Phase.RELEASING, Phase.HELD_BACK):
        return False
    return not (run.phase is Phase.PUBLISHING and "commit" in run.result)


def can_compare(run: Run) -> bool:
    """Whether there was a release before it to compare it with."""
    return run.phase is Phase.RELEASED and bool(mapping_of(run.progress, "compared").get("against"))


def can_decide(run: Run) -> bool:
    """Whether somebody has to say what becomes of its result."""
    return run.phase is Phase.HELD_BACK and not run.cancelled_by


def _has_log(run: Run) -> bool:
    return run.log_read > 0


def _stopped_short(run: Run) -> bool:
    return run.phase in (Phase.FAILED, Phase.CANCELLED)


def _is_over(run: Run) -> bool:
    return run.kind in (Kind.TRAIN, Kind.SMOKE) and run.phase.ended


def _has_machine(run: Run) -> bool:
    """While it is on the machine, and when it failed there and somebody wants to see why."""
    return run.holds or (run.phase is Phase.FAILED and Phase.STARTING in run.times)


def _cancel(run: Run) -> Block:
    """Ends the run, after asking whether that is meant."""
    lost = {
        Kind.BUILD: "no image is made",
        Kind.SMOKE: "nothing is said of the branch",
        Kind.REPRODUCE: f"nothing is said of {words.clean(run.tag)}",
    }.get(run.kind, f"{words.clean(run.tag)} will not be released")
    confirm = {
        "title": plain(f"Cancel run {run.id}?", 100),
        "text": plain(f"It ends now, and {lost}.", 300),
        "confirm": plain("Cancel the run", 30),
        "deny": plain("Let it run", 30),
        "style": "danger",
    }
    return button("Cancel", CANCEL, str(run.id), spoken=f"Cancel run {run.id}", confirm=confirm)


def _release_anyway(run: Run) -> Block:
    """Opens a form that asks why."""
    return button("Release anyway", RELEASE_ANYWAY, str(run.id), spoken=f"Release {words.clean(run.tag)} anyway")


def _discard(run: Run) -> Block:
    confirm = {
        "title": plain(f"Discard run {run.id}?", 100),
        "text": plain(f"{words.clean(run.tag)} will not be released. Its data, commit and tag are kept.", 300),
        "confirm": plain("Discard", 30),
        "deny": plain("Not yet", 30),
        "style": "danger",
    }
    return button("Discard", DISCARD, str(run.id), spoken=f"Discard the result of run {run.id}", confirm=confirm)


def _retry(run: Run) -> Block:
    """The next thing to do, but where the branch itself has to change first."""
    style = {} if run.reason in OF_THE_BRANCH else {"style": "primary"}
    return button("Retry", RETRY, str(run.id), spoken=f"Retry run {run.id} from where it failed", **style)


def _again(run: Run) -> Block:
    return button("Train again", AGAIN, str(run.id), spoken=f"Train {words.clean(run.branch)} again")


def _compare(run: Run) -> Block:
    return button("Compare", COMPARE, str(run.id), spoken=f"Compare {words.clean(run.tag)} with the release before it")


def _log(run: Run) -> Block:
    return button("Log", LOG, str(run.id), spoken=f"The last lines of run {run.id}'s log")


def _hold(run: Run) -> Block:
    label = f"Hold machine {HOLD_MINUTES} min"
    spoken = f"Hold the machine {words.clean(run.location)} for {HOLD_MINUTES} minutes"
    return button(label, HOLD, str(run.id), spoken=spoken)


_BUTTONS = (
    (can_cancel, _cancel),
    (can_decide, _release_anyway),
    (can_decide, _discard),
    (_stopped_short, _retry),
    (_is_over, _again),
    (can_compare, _compare),
    (_has_log, _log),
    (_has_machine, _hold),
)
"""In the order in which they stand."""
