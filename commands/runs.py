"""`/runs`: what is going on, what went before, and everything about one run."""

from __future__ import annotations

from bot.runs import figures
from bot.runs.charges import Cost
from bot.runs.model import SENTENCES, Kind, Run
from bot.slack import comparing, words
from bot.slack.blocks import Block, context, header, section, title, title_text
from bot.slack.card import status
from bot.slack.ending import seconds_in_all, spans
from commands import request
from commands.desk import Call, Command, Desk, Reply
from commands.find import ago, one_line, run_meant, thread_link

USAGE = "/runs [mine | active | all | <number> | <tag>]"
SHOWN = 15
_LIST_WEIGHT = 2_800


def handle(call: Call, desk: Desk) -> Reply | None:
    """A list, or one run's details."""
    given = request.words(call.text)
    which = given[0].casefold() if len(given) == 1 else ""
    if not given or which == "active":
        return _listing(desk.store.runs(only_open=True, limit=SHOWN), "Runs that are going on", call, desk)
    if which == "mine":
        return _listing(desk.store.runs(user=call.user, limit=SHOWN), "Your latest runs", call, desk)
    if which == "all":
        return _listing(desk.store.runs(limit=SHOWN), "The latest runs", call, desk)
    run = run_meant(call.text, desk, USAGE)
    return run if isinstance(run, Reply) else _details(run, call, desk)


def _listing(runs: list[Run], heading: str, call: Call, desk: Desk) -> Reply:
    if not runs:
        hint = "`/runs all` shows earlier ones, " if "going on" in heading else ""
        return Reply(f"{heading}: none. {hint}`{request.EXAMPLE}` starts one.")
    lines, room = [f"*{heading}*"], _LIST_WEIGHT
    for run in runs:
        line = one_line(run, call, desk)
        room -= words.weight(line) + 2
        if room < 0:
            break
        lines.append(line)
    text = "\n".join(lines)
    return Reply(text, [section(text), context("`/runs <number>` shows all about one of them.")])


def _details(run: Run, call: Call, desk: Desk) -> Reply:
    blocks = [header(title(run)), section(_summary(run, call, desk)), context(*_facts(run, desk))]
    metrics = comparing.metrics(run.tag, figures.metrics(run))
    if metrics:
        blocks.append(section(metrics))
    blocks += _timing(run, desk.store.costs.of_run(run))
    return Reply(f"{title_text(run)}: {status(run)}", blocks)


def _summary(run: Run, call: Call, desk: Desk) -> str:
    lines = [f"*{status(run)}*"]
    if run.reason is not None:
        message = words.escape(str(run.detail.get("message") or ""), 500)
        lines.append(" ".join(part for part in (SENTENCES[run.reason], message) if part))
    if run.cancelled_by:
        lines.append(f"Cancelled by {desk.name_of(run.cancelled_by)}.")
    result = run.result
    if result.get("image"):
        lines.append(words.code(str(result["image"]), 300))
    links = [
        words.link(str(result["release_url"]), "release") if result.get("release_url") else "",
        words.link(str(result["public_url"]), "public file") if result.get("public_url") else "",
        words.link(str(result["merge_request_url"]), "merge request") if result.get("merge_request_url") else "",
        thread_link(run, call),
    ]
    lines.append(" · ".join(link for link in links if link))
    return "\n".join(line for line in lines if line)


def _facts(run: Run, desk: Desk) -> tuple[str, str]:
    done = "trained" if run.kind is Kind.TRAIN else "image from"
    commits = f"{done} {words.code(run.commit[:8])} of {words.code(run.branch)}"
    if run.result.get("commit"):
        commits += f", saved as {words.code(str(run.result['commit'])[:8])}"
    asked = ago(desk.clock.now() - run.created_at)
    return f"{desk.name_of(run.user, run)} on {words.code(run.location)}, asked for {asked}", commits


def _timing(run: Run, cost: Cost | None) -> list[Block]:
    parts = [f"{name} {words.duration(seconds)}" for name, seconds in spans(run)]
    if run.ended_at is not None:
        parts.insert(0, f"{words.duration(seconds_in_all(run))} in all")
    if cost is not None:
        parts.append(f"{words.money(cost.amount)} at {words.money(cost.price_per_hour)} an hour")
    return [context(" · ".join(parts))] if parts else []


COMMAND = Command(
    name="/runs",
    usage="[mine | active | all | <number> | <tag>]",
    description="What is training, what went before, and all about one run",
    example="/runs mine",
    handle=handle,
)
