"""Whatever training, git or a person writes, Slack takes the message, and nobody is pinged by it."""

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ports import Message
from bot.runs.model import Note, Phase, Reason
from bot.runs.progress import fold
from bot.slack.blocks import section
from bot.slack.card import card
from bot.slack.comparing import two
from bot.slack.ending import terminal
from bot.slack.milestones import milestone
from bot.slack.remaining import Usual
from bot.slack.turn import Turn, Use
from tests.doubles.payloads import wrong_with_message
from tests.doubles.runs import START, a_run
from trainer.events import Event

NASTY = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "x" * 100_000,
            "<!channel>",
            "<@UALICE>",
            "```<!here>```",
            "\x1b[31mred\x1b[0m",
            b"\xff\xfe".decode("utf-8", errors="surrogateescape"),
            "`" * 500,
            "&" * 5_000,
            "\U0001f600" * 3_000,
            "漢字" * 3_000,
            "a\nb\r\nc\x00",
            "",
        ]
    ),
)
VALUE = st.one_of(NASTY, st.integers(), st.floats(), st.none(), st.booleans(), st.lists(NASTY, max_size=3))
FACTS = st.dictionaries(
    st.sampled_from(
        ["what", "name", "index", "of", "seconds", "files", "bytes", "text", "by", "commit", "step", "cause"]
    ),
    VALUE,
)
WHATS = ["your-turn", "machine-ready", "prepared", "unchanged", "published", "retrying", "warning", "cancelling", "x"]


def check(message, *, pings=0):
    assert wrong_with_message(message.text, message.blocks) == []
    assert len(json.dumps(message.blocks)) < 10_000
    for text in (message.text, "\n".join(mrkdwn(list(message.blocks)))):
        assert len(re.findall(r"<[@!#]", text)) == pings


def mrkdwn(part):
    """Every text in which Slack would see markup."""
    if isinstance(part, list):
        return [text for each in part for text in mrkdwn(each)]
    if not isinstance(part, dict):
        return []
    if part.get("type") == "mrkdwn":
        return [part["text"]]
    return [text for each in part.values() for text in mrkdwn(each)]


@settings(max_examples=60, deadline=None)
@given(st.tuples(NASTY, NASTY, NASTY, NASTY), FACTS, FACTS, st.dictionaries(NASTY, VALUE, max_size=5))
def test_a_card_holds_with_hostile_progress(names, stage, metric, values):
    branch, tag, who, what = names
    progress = {"stage": stage, "metric": {**metric, "values": values}, "transfer": stage, "trouble": {"what": what}}
    for phase in Phase:
        run = a_run(phase, branch=branch, tag=tag, progress=progress, location=who, detail=stage, reason=Reason.CODE)
        use = Use(tag, run=run, who=who, held_by=who, held_until=START + 9, reason=what)
        for pool in (False, True):
            turn = Turn(1, (use, use), START, machines=2, pool=pool)
            check(card(run, now=START + 5, who=who, usual=Usual(9.0), queue=turn))


@settings(max_examples=60, deadline=None)
@given(NASTY, st.dictionaries(NASTY, VALUE, max_size=5), st.lists(VALUE, max_size=6))
def test_a_card_holds_with_hostile_events(name, values, steps):
    begun = Event(1, "2026-01-02T03:04:05Z", "stage", {"name": name, "index": 1, "of": 300, "state": "started"})
    told = [Event(1, str(step), "metric", {"step": step, "of": step, "values": values}) for step in steps]
    numbers = {f"{number}{name}": number for number in range(20)}
    told += [Event(1, begun.at, "metric", {"step": step, "of": 9, "values": numbers}) for step in (1, 2)]
    run = a_run(progress=json.loads(json.dumps(fold({}, [begun, *told]))))
    check(card(run, now=START + 5, usual=Usual(9.0, 3.0)))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(WHATS), FACTS, NASTY, NASTY)
def test_a_milestone_holds_with_hostile_facts(what, facts, branch, name):
    check(milestone(a_run(branch=branch), Note("milestone", data={**facts, "what": what}), names={"U": name}))


@settings(max_examples=30, deadline=None)
@given(st.lists(FACTS, max_size=300))
def test_three_hundred_hostile_stages_fit_in_one_message(items):
    check(milestone(a_run(), Note("milestone", data={"what": "stages", "items": items})))


@settings(max_examples=60, deadline=None)
@given(NASTY, NASTY, NASTY, st.lists(NASTY, max_size=20), NASTY)
def test_a_failure_holds_with_a_hostile_log(stage, message, tag, lines, branch):
    detail = {"stage": stage, "message": message, "lines": lines}
    run = a_run(Phase.FAILED, reason=Reason.CODE, detail=detail, tag=tag, branch=branch, ended_at=START + 1)
    check(terminal(run, Note("terminal")), pings=1)


@settings(max_examples=60, deadline=None)
@given(NASTY, NASTY, st.dictionaries(NASTY, VALUE, max_size=20), st.dictionaries(NASTY, VALUE, max_size=20), NASTY)
def test_a_release_holds_with_hostile_metrics_and_links(tag, url, metrics, before, name):
    result = {
        "metrics": metrics,
        "params": before,
        "data": metrics,
        "release_url": url,
        "public_url": f"https://x.test/{name}",
        "diverged": True,
    }
    run = a_run(Phase.RELEASED, tag=tag, result=result, ended_at=START + 1)
    other = {"tag": tag, "branch": name, "metrics": before, "params": before}
    check(terminal(run, Note("terminal", data={"against": [other, other], "same_as": tag})), pings=1)
    for text in two(
        run, a_run(Phase.RELEASED, tag=name, result={"metrics": before, "params": metrics, "data": before})
    ):
        check(Message("k", "text", [section(text)]))


def test_five_hundred_metrics_show_the_first_and_count_the_rest():
    metrics = {f"class_{number:03}": number / 500 for number in range(500)}
    run = a_run(Phase.RELEASED, result={"metrics": metrics}, ended_at=START + 1)
    message = terminal(run, Note("terminal"))
    check(message, pings=1)
    assert "and 492 more on the release page" in json.dumps(message.blocks)
