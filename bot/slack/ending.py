"""The last message of a run: exactly one, which mentions whoever asked and whom they named. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from bot.ports import Message
from bot.runs import figures
from bot.runs.charges import Cost
from bot.runs.model import FREED, SENTENCES, Kind, Note, Phase, Reason, Run
from bot.slack import comparing, reproduction, words
from bot.slack.asked import command, mentions, parameters
from bot.slack.blocks import Block, context, image_name, mapping_of, number_of, section, title_text, was_made
from bot.slack.buttons import OF_THE_BRANCH, row
from bot.slack.card import left_by_cancel
from bot.slack.comparing import Other
from bot.slack.held import all_the_same, failed
from bot.slack.milestones import STEPS, Names

LINES_SHOWN = 15
"""Last lines of the log that are quoted; the whole of it is a file in the thread."""

_SPANS = (
    (Phase.QUEUED, "waiting"),
    (Phase.STARTING, "machine"),
    (Phase.PREPARING, "data"),
    (Phase.BUILDING, "image"),
    (Phase.TRAINING, "training"),
    (Phase.PUBLISHING, "saving"),
    (Phase.COMPARING, "comparing"),
    (Phase.RELEASING, "release"),
    (Phase.HELD_BACK, "decision"),
)
_SHORTEST_SPAN = 0.05
_ASK_FIRST = frozenset({Reason.CREDENTIALS, Reason.START_REFUSED, Reason.NO_MACHINE, Reason.PUBLIC_LINK})
"""Reasons that another try meets again, until whoever runs Stationmaster has done something."""


def terminal(run: Run, note: Note, *, key: str = "", names: Names | None = None, cost: Cost | None = None) -> Message:
    """How the run ended, with everything that helps next. `cost` is that of the whole run, where it is known."""
    make = _ENDS.get(run.phase, _failed)
    headline, blocks = make(run, note, names or {})
    said, last = section(f"{mentions(run)} {headline}"), context(_took(run) + spent(cost))
    text = words.cut(f"{mentions(run)} {title_text(run)}: {headline}", 1_000)
    return Message(key=key, text=text, blocks=[said, *blocks, last, *row(run)])


def spans(run: Run) -> list[tuple[str, float]]:
    """What the time went to: name and seconds of each phase that took a noticeable time."""
    entered = sorted((at, phase) for phase, at in run.times.items() if phase != FREED and isinstance(at, int | float))
    names = {**dict(_SPANS), **({Phase.PREPARING: "code"} if run.kind is Kind.BUILD else {})}
    found = []
    for (at, phase), (until, _next) in pairwise(entered):
        if phase in names and until - at >= _SHORTEST_SPAN:
            found.append((names[Phase(phase)], until - at))
    return found


def split(run: Run) -> str:
    """`training 3 min 2 s, saving 4 s`."""
    return ", ".join(f"{name} {words.duration(seconds)}" for name, seconds in spans(run))


def spent(cost: Cost | None) -> str:
    """` It cost $0.53.`; empty where nobody knows, and where nothing was spent."""
    return f" It cost {words.money(cost.amount)}." if cost is not None and cost.amount else ""


def seconds_in_all(run: Run) -> float:
    """From the command to the end."""
    return (run.ended_at or run.phase_at) - run.created_at


def pointer_name(run: Run) -> str:
    """The name of the standalone .dvc file, as it is called at its public address."""
    path = urlsplit(str(run.result.get("public_url") or "")).path if run.result.get("public_url") else ""
    name = unquote(path.rsplit("/", 1)[-1]) or str(run.result.get("pointer") or "")
    return name if name.endswith(".dvc") and name.isprintable() and " " not in name else "train.dvc"


def _released(run: Run, note: Note, _names: Names) -> tuple[str, list[Block]]:
    result = run.result
    url = str(result.get("release_url") or "")
    page = f" {words.link(url, 'Open the release')}" if url else ""
    said = [f"*{words.escape(run.tag, 80)} is released.*{page}"]
    if approval := mapping_of(result, "approval"):
        said.append(all_the_same(run, approval))
    if note.data.get("same_as"):
        said.append(f"Nothing changed: the model is the same as in {words.code(str(note.data['same_as']))}.")
    if result.get("diverged"):
        said.append(_beside(run))
    blocks: list[Block] = []
    others = _others(note)
    tables = (
        comparing.metrics(run.tag, figures.metrics(run), others),
        comparing.params(run.tag, figures.params(run), others),
    )
    blocks += [section(text) for text in tables if text]
    if whose := comparing.whose(others):
        blocks.append(context(whose))
    blocks.append(section(_how_to_use(run)))
    return "\n".join(said), blocks


def _others(note: Note) -> list[Other]:
    """The releases that this one is compared with, as the engine decided (bot/engine/predecessors.py)."""
    found = note.data.get("against")
    records = [record for record in found if isinstance(record, Mapping)] if isinstance(found, list | tuple) else []
    return [
        Other(
            tag=str(record.get("tag")),
            branch=str(record.get("branch")),
            metrics=mapping_of(record, "metrics"),
            params=mapping_of(record, "params"),
        )
        for record in records[:2]
    ]


def _built(run: Run, _note: Note, _names: Names) -> tuple[str, list[Block]]:
    said = "is built" if was_made(run) else "is there already, nothing of it changed"
    name, exact = image_name(run), str(run.result.get("image") or "")
    lines = [words.code(name, 300), f"{words.code(f'/train {run.branch} <tag>')} trains in it."]
    if "@" in exact:  # a bare id means something at that machine only
        lines.insert(1, words.code(exact, 300))
    return f"*The image of {words.code(run.branch)} {said}.*", [section("\n".join(lines))]


def _tested(run: Run, _note: Note, _names: Names) -> tuple[str, list[Block]]:
    """Whether the real one would survive, how long it took, and how to do it for real."""
    branch = words.code(run.branch)
    ran = [name for name, state in mapping_of(run.progress, "stages").items() if state in ("started", "finished")]
    if ran:
        values = "the small values of `smoke:`" + (f", and with {parameters(run)}" if run.options.set else "")
        said = f"A real training should come through: {words.plural(len(ran), 'stage')} ran to the end with {values}."
    else:
        said = "No stage had to run: none depends on the parameters below `smoke:`, so this shows little."
    headline = f"*The smoke test of {branch} passed.* {said} Nothing was committed, pushed or released."
    return headline, [section(f"For real: {words.code(command(run, smoke=False), 500)}")]


def _compared(run: Run, _note: Note, _names: Names) -> tuple[str, list[Block]]:
    """Output by output, equal or not, and by how much."""
    said = f"*{reproduction.headline(run)}.*\nThat is {words.code(run.tag)} made again from its code and its data on "
    said += f"{words.code(run.location)}. The release is as it was: nothing was committed or pushed."
    return said, [section(text) for text in reproduction.tables(run)]


def _beside(run: Run) -> str:
    """Where the result is when its branch would not take it."""
    url = str(run.result.get("merge_request_url") or "")
    if not url:
        own = words.code(str(run.result.get("branch") or ""))
        return f"{words.code(run.branch)} was deleted meanwhile, so the result is on {own}."
    return (
        f"{words.code(run.branch)} moved on meanwhile. {words.link(url, 'This merge request')} brings the result over."
    )


def _how_to_use(run: Run) -> str:
    name = pointer_name(run)
    url = words.entities(words.clean(str(run.result.get("public_url") or "")))
    commands = [f"dvc pull {name}"]
    if url.startswith(("https://", "http://")) and words.weight(url) < 1_000:  # noqa: PLR2004 - cut would break it
        commands.insert(0, f"curl -fLO {url}")
    body = "\n".join(line.replace("`", "'") for line in commands)
    return f"To use it, in a DVC repository with the same remote:\n```{words.cut(body, 1_400)}```"


def _failed(run: Run, note: Note, _names: Names) -> tuple[str, list[Block]]:
    where = _where(run)
    cause = SENTENCES.get(run.reason or Reason.INTERNAL, SENTENCES[Reason.INTERNAL])
    message = words.escape(str(run.detail.get("message") or ""), 800)
    said = f"*Run {run.id} failed{where}.* {cause}"
    if note.data.get("stopping") and run.reason is not Reason.INTERRUPTED:
        said += " The machine is being stopped again."
    if message and message not in said:
        said += f"\n{message}"
    if run.reason is Reason.INTERRUPTED:
        said += _how_far(run)
    blocks = []
    tail = words.fence(_lines(run), limit=2_600)
    if tail:
        blocks.append(section(tail))
    blocks.append(section(_what_next(run)))
    return said, blocks


def _how_far(run: Run) -> str:
    """Where the training was; empty where no epochs are counted."""
    metric = mapping_of(run.progress, "metric")
    step, steps = number_of(metric, "step"), number_of(metric, "of")
    return f" It had got to epoch {step:.0f} of {steps:.0f}." if step and steps else ""


def _where(run: Run) -> str:
    stage, step = run.detail.get("stage"), run.detail.get("step")
    if stage:
        return f" in the stage {words.code(str(stage), 80)}"
    return f" while {STEPS[step]}" if isinstance(step, str) and step in STEPS else ""


def _lines(run: Run) -> list[str]:
    lines = run.detail.get("lines")
    if isinstance(lines, str):
        lines = lines.splitlines()
    if not isinstance(lines, Sequence):
        return []
    return [str(line) for line in lines][-LINES_SHOWN:]


def _what_next(run: Run) -> str:
    log = "The full log is attached to this thread. " if run.log_read else ""
    if run.reason is Reason.TOO_EXPENSIVE:
        return log + _after_the_money(run)
    return log + _NEXT.get(run.kind, _after_training)(run)


def _after_training(run: Run) -> str:
    tag, retry = words.code(run.tag), words.code(f"/retry {run.id}")
    if run.result.get("commit"):
        return (
            f"The result itself is safe: it is saved as {tag}, only the release is missing. "
            f"{retry} makes it, without training again."
        )
    if run.reason is Reason.INTERRUPTED and run.kind is Kind.TRAIN:
        return _after_interruption(run)
    if run.reason is Reason.CONFLICT:
        return f"Nothing was released. {words.code(f'/train {run.branch} <tag>')} with another tag starts over."
    if Phase.PUBLISHING in run.times:
        return f"Nothing was released. {retry} saves the result again, and trains only what is not there any more."
    return _before_a_result(run)


def _after_the_money(run: Run) -> str:
    """What is kept, and what a retry needs first."""
    again = f"nce whoever runs Stationmaster has raised the limit, {words.code(f'/retry {run.id}')}"
    if run.kind is not Kind.TRAIN:
        return f"Nothing was released. O{again} tries the same again."
    return (
        f"Nothing was released, {words.code(run.tag)} is still free. Stages that had finished are kept at "
        f"{words.code(run.location)}, and the checkpoints of the one that had not: o{again} goes on from there."
    )


def _after_interruption(run: Run) -> str:
    """What is left of it depends on whether the machine, and its disk with it, will be there again."""
    retry, machine = words.code(f"/retry {run.id}"), words.code(run.location)
    pooled = run.queue not in ("", run.location)
    if run.detail.get("action") == "terminate" and pooled:
        return f"The machine's disk goes with it: {retry} trains anew on another one; the data come from the remote."
    if run.detail.get("action") == "terminate":
        return (
            f"{machine} does not come back, and its disk goes with it. Once whoever runs Stationmaster has put another "
            f"machine in its place, {retry} trains anew there; the data come from the remote."
        )
    if Phase.PUBLISHING in run.times:
        return (
            f"The result is still on {machine}: once that can be started again, {retry} saves it, and trains only what "
            "is not there any more."
        )
    if pooled:
        return (
            f"{retry} goes on after the last epoch that was kept if it gets {machine} again; on another machine of the "
            "pool it trains anew."
        )
    return f"{retry} goes on after the last epoch that was kept, once {machine} can be started again."


def _after_building(run: Run) -> str:
    again = words.code(f"/build-image {run.branch}")
    if run.reason is Reason.IMAGE:
        return f"No image was made. Once that is put right, {again} starts over."
    return f"No image was made: {again} tries again."


def _after_reproducing(run: Run) -> str:
    tag, retry = words.code(run.tag), words.code(f"/retry {run.id}")
    return f"The release {tag} is as it was; whether it can be made again is not known. {retry} tries once more."


_NEXT = {Kind.BUILD: _after_building, Kind.REPRODUCE: _after_reproducing}


def _before_a_result(run: Run) -> str:
    """What helps when nothing was made yet that could be saved."""
    tag, branch, again = words.code(run.tag), words.code(run.branch), words.code(command(run), 500)
    retry = words.code(f"/retry {run.id}")
    if run.kind is Kind.SMOKE and run.reason in OF_THE_BRANCH:
        return f"A real training would most likely fail in the same way. Push a fix to {branch}, then {again}."
    if run.kind is Kind.SMOKE:
        return f"That says nothing of {branch}: {retry} tries the same again."
    if run.reason in _ASK_FIRST:
        return f"Nothing was released. Once that is put right, {again} starts over."
    if run.reason in OF_THE_BRANCH:
        return f"Nothing was released, {tag} is still free: push a fix to {branch}, then {again}."
    return f"Nothing was released, {tag} is still free: {retry} tries the same again."


def _cancelled(run: Run, _note: Note, names: Names) -> tuple[str, list[Block]]:
    by = run.cancelled_by
    who = "" if not by or by == run.user else f" by {words.escape(names.get(by, 'somebody else'), 80)}"
    log = " What it wrote until then is attached to this thread." if run.log_read else ""
    left = f"Nothing was released, {words.code(run.tag)} is still free."
    if run.reason is Reason.DISCARDED:
        return _discarded(run, who)
    if run.kind is not Kind.TRAIN:
        left = "It says nothing of the branch." if run.kind is Kind.SMOKE else left_by_cancel(run)
    return f"*Run {run.id} was cancelled{who}.* {left}{log}", []


def _discarded(run: Run, who: str) -> tuple[str, list[Block]]:
    """What was held back and is not wanted. Its tag stays a name for it: `dvc get --rev` finds it."""
    kept = f"Nothing was released. Data and commit are kept, and found by the tag {words.code(run.tag)}"
    again = f"{words.code(f'/retry {run.id}')} brings the question back."
    return f"*Run {run.id} was discarded{who}.*\n{failed(run)}\n{kept}; {again}", []


_ENDS = {
    Phase.RELEASED: _released,
    Phase.BUILT: _built,
    Phase.TESTED: _tested,
    Phase.COMPARED: _compared,
    Phase.CANCELLED: _cancelled,
}


def _took(run: Run) -> str:
    parts = split(run)
    return f"Took {words.duration(seconds_in_all(run))}" + (f": {parts}." if parts else ".")
