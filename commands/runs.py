"""`/runs`: what is going on, what went before, and everything about one run."""

from __future__ import annotations

from bot.errors import UserError
from bot.ports import Message
from bot.runs import figures
from bot.runs.charges import Cost
from bot.runs.model import SENTENCES, Kind, Run
from bot.slack import comparing, reproduction, words
from bot.slack.asked import asked
from bot.slack.blocks import Block, actions, button, context, header, image_name, section, title, title_text
from bot.slack.card import status
from bot.slack.ending import seconds_in_all, spans
from commands import request
from commands.desk import Button, Call, Command, Desk, Press, Reply
from commands.find import ago, one_line, run_meant, thread_link
from commands.run_filter import EVERYWHERE, RunFilter, run_filter, unpacked

USAGE = "/runs [mine] [active | all | failed | ...] [branch <name>] [on <location>] [by <person>] | <number> | <tag>"
SHOWN = 10
"""Runs of a page."""
PAGE = "runs-page"
_LIST_WEIGHT = 2_600


def handle(call: Call, desk: Desk) -> Reply | None:
    """A page of a list, or one run's details."""
    try:
        wanted = run_filter(request.words(call.text))
    except UserError as error:
        return Reply(str(error))
    if wanted is not None:
        return _listing(wanted, call, desk)
    run = run_meant(call.text, desk, USAGE)
    return run if isinstance(run, Reply) else _details(run, call, desk)


def turn_page(press: Press, desk: Desk) -> str | None:
    """Another page in the place of the one whose button was pressed."""
    call = Call(press.user, press.channel, "", press.trigger, press.team, press.workspace)
    page = _listing(unpacked(press.value), call, desk)
    screens = desk.screens
    if screens is None or not press.address:
        return page.text
    desk.later(lambda: screens.replace(press.address, Message("", page.text, page.blocks)))
    return None


def _listing(wanted: RunFilter, call: Call, desk: Desk) -> Reply:
    user = _user(wanted, call, desk)
    if isinstance(user, Reply):
        return user
    runs = desk.store.runs(
        user=user,
        only_open=wanted.state == "active",
        phases=wanted.phases,
        branch=wanted.branch or None,
        location=wanted.location or None,
        before=wanted.before,
        project=desk.project if desk.project_of is not None and not wanted.everywhere else None,
        limit=SHOWN + 1,
    )
    heading = wanted.heading()
    if not runs:
        hint = "`/runs all` shows earlier ones, " if wanted.state == "active" else ""
        return Reply(f"{heading}: none. {hint}`{request.EXAMPLE}` starts one.")
    lines, room = [f"*{heading}*"], _LIST_WEIGHT
    shown = []
    for run in runs[:SHOWN]:
        line = one_line(run, call, desk) + (f" · {words.code(run.project, 80)}" if wanted.everywhere else "")
        room -= words.weight(line) + 2
        if room < 0:
            break
        lines.append(line)
        shown.append(run)
    text = "\n".join(lines)
    hints = ["`/runs <number>` shows all about one of them."]
    if desk.project_of is not None and not wanted.everywhere:
        hints.append(f"Only of {words.code(desk.project, 80)}: `/runs {EVERYWHERE}` shows all.")
    blocks: list[Block] = [section(text), context(*hints)]
    buttons = []
    if wanted.before is not None:
        buttons.append(button("Newest", f"{PAGE}:newest", wanted.newest().packed()))
    if len(runs) > len(shown):
        buttons.append(button("Older", f"{PAGE}:older", wanted.older_than(shown[-1].id).packed()))
    return Reply(text, [*blocks, *([actions(*buttons)] if buttons else [])])


def _user(wanted: RunFilter, call: Call, desk: Desk) -> str | Reply | None:
    """The id of whose runs are wanted; None for everybody's."""
    if wanted.mine and wanted.user:
        return Reply("Either `mine` or `by` somebody.")
    if wanted.mine or not wanted.user:
        return call.user if wanted.mine else None
    found = desk.store.people.called(wanted.user)
    if len(found) == 1:
        return found[0].id
    if not found:
        return Reply(f"Nobody called {words.code(wanted.user, 80)} has trained here yet.")
    return Reply(f"Several people are called {words.code(wanted.user, 80)}: name one by the e-mail address.")


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
    if result.get("compared"):
        lines += reproduction.tables(run)
    if result.get("image"):
        lines.append(words.code(image_name(run), 300))
    links = [
        words.link(str(result["release_url"]), "release") if result.get("release_url") else "",
        words.link(str(result["public_url"]), "public file") if result.get("public_url") else "",
        words.link(str(result["merge_request_url"]), "merge request") if result.get("merge_request_url") else "",
        thread_link(run, call),
    ]
    lines.append(" · ".join(link for link in links if link))
    return "\n".join(line for line in lines if line)


def _facts(run: Run, desk: Desk) -> tuple[str, str, str]:
    done = {Kind.BUILD: "image from", Kind.SMOKE: "tested", Kind.REPRODUCE: "made again"}.get(run.kind, "trained")
    commits = f"{done} {words.code(run.commit[:8])} of {words.code(run.branch)}"
    if run.result.get("commit"):
        commits += f", saved as {words.code(str(run.result['commit'])[:8])}"
    when = ago(desk.clock.now() - run.created_at)
    return f"{words.whose(desk.plain_name(run.user, run), run.location)}, asked for {when}", commits, asked(run)


def _timing(run: Run, cost: Cost | None) -> list[Block]:
    parts = [f"{name} {words.duration(seconds)}" for name, seconds in spans(run)]
    if run.ended_at is not None:
        parts.insert(0, f"{words.duration(seconds_in_all(run))} in all")
    if cost is not None:
        parts.append(f"{words.money(cost.amount)} at {words.rate(cost.price_per_hour)}")
    return [context(" · ".join(parts))] if parts else []


BUTTON = Button(PAGE, turn_page)
COMMAND = Command(
    name="/runs",
    usage="[mine] [active | all | failed] [branch <name>] [on <location>] [by <person>] | <number> | <tag>",
    description="What is training, what went before, and all about one run",
    example="/runs mine",
    handle=handle,
)
