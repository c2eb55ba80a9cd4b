"""The pre-flight answer in words: what would happen, how long it would take and what it would cost. Pure."""

from __future__ import annotations

from bot.engine.image_look import Image
from bot.engine.preflight import Preflight
from bot.slack import words
from commands.modal.draft import Draft

RUN_ALL = "Run them too"
"""The choice that has every stage run."""
NAMED = 8
"""Stages that are named; of more, only how many."""

_IMAGES = {
    Image.NONE: "",
    Image.LOCATION: "the machine's own; the branch has no `Dockerfile.train`",
    Image.READY: "ready",
    Image.BUILD: "has to be built first, or fetched; the time for that comes on top",
    Image.UNKNOWN: "cannot tell before the machine looks",
}


def lines(draft: Draft, found: Preflight) -> list[str]:
    """Paragraphs of mrkdwn, what matters most first."""
    if found.commit is None:
        return [_no_branch(found)]
    if found.same_as is not None and not draft.force and not draft.smoke:
        return [_nothing_changed(found), _named("Tag", _tag(draft, found))]
    facts = {
        "Branch": f"{words.code(found.branch, 80)} at `{found.commit[:10]}`",
        "Tag": _tag(draft, found),
        "Stages that would run": _stages(found),
        "Image": _IMAGES[found.image],
        "Data to fetch": _data(found),
        "Time on the machine": "unknown: there is no past run to tell" if found.seconds is None else _time(found),
        "Cost": _cost(found),
    }
    return ["\n".join(_named(name, text) for name, text in facts.items() if text)]


def no_answer(error: str) -> list[str]:
    """When GitLab or Slack did not say what is asked of them."""
    said = words.prose(error, 300)
    return [f"This could not be looked up: {said} You can start the training all the same, or check again."]


def _named(name: str, text: str) -> str:
    return f"*{name}:* {text}"


def _no_branch(found: Preflight) -> str:
    near = words.listing([words.code(name, 80) for name in found.near])
    hint = f" Did you mean {near.replace(' and ', ' or ')}?" if near else ""
    return f"There is no branch {words.code(found.branch, 80)}.{hint}"


def _nothing_changed(found: Preflight) -> str:
    same = found.same_as
    named = words.link(same.url, same.tag) if same is not None else ""
    return (
        f"*Nothing changed since {named}:* no stage would run, and that release has this very model. "
        f"No machine is started. To train all the same, choose “{RUN_ALL}”, or change a parameter."
    )


def _tag(draft: Draft, found: Preflight) -> str:
    if draft.smoke:
        return "none, since a smoke test releases nothing"
    if not draft.tag:
        return ""
    if found.taken:
        return f"{words.code(draft.tag, 80)} is taken already; the next free one is {words.code(found.next_tag, 80)}"
    return f"{words.code(draft.tag, 80)} is free"


def _stages(found: Preflight) -> str:
    plan = found.plan
    if plan.problem:
        return f"cannot tell before the machine looks: {words.prose(plan.problem, 200)}"
    if plan.unchanged:
        return "none, nothing changed"
    unsure = [name for name in plan.stages if name in plan.unsure]
    sure = [name for name in plan.running if name not in unsure]
    said = f"{len(plan.running)} of {len(plan.stages)}{_names(plan.running)}" if sure else "none for sure"
    if unsure:
        said += f"; cannot tell before the machine looks whether{_names(unsure).replace(': ', ' ', 1)} changed"
    return said


def _names(stages: tuple[str, ...] | list[str]) -> str:
    return f": {words.listing([words.code(name, 60) for name in stages])}" if len(stages) <= NAMED else ""


def _data(found: Preflight) -> str:
    if found.plan.unchanged:
        return "none"
    size = found.pull.size
    if found.plan.problem or size is None:
        return "unknown"
    if size == 0:
        return "none, all of it is at the machine"
    return f"{'up to' if found.pull.at_most else 'about'} {words.size(size)}"


def _cost(found: Preflight) -> str:
    """An estimate refuses nothing: it may be wrong, and the limit is kept by what is really spent."""
    said = "unknown" if found.dollars is None else _about(found.dollars)
    if found.max_cost is None:
        return said
    most = words.money(found.max_cost)
    if not found.priced:
        return f"{said}; the limit of {most} cannot hold, since nobody knows what an hour costs"
    if found.dollars is None:
        return f"{said}; a run is ended when it has cost {most}"
    if found.dollars > found.max_cost:
        return f"{said}, more than the {most} that a run may cost here: it would be ended there"
    return said


def _about(dollars: float) -> str:
    said = words.money(dollars)
    return said if said.startswith("less") else f"about {said}"


def _time(found: Preflight) -> str:
    said = words.about(found.seconds or 0.0)
    return said if said.startswith("under") else f"about {said}"
