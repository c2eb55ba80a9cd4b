"""`/compare`: tables at once; the code's differences and the curves after them, once, whatever breaks."""

import json

import pytest

from bot.engine.errands import PATIENCE
from bot.errors import NotFound, Unavailable
from bot.ports import Difference
from bot.runs.model import Kind, Phase
from bot.runs.plots import Lines, Series
from bot.sandbox.slack.limits import check_message
from bot.slack.comparing import comparison
from bot.slack.thread import Delivery
from commands import compare
from commands.desk import Call, Desk
from tests.doubles.chat import FakeChat
from tests.doubles.runs import a_run
from tests.doubles.station import Station
from tests.unit.test_pictures import FakePainter

CURVE = Lines("Accuracy", "epoch", "accuracy", (Series("train", ((1.0, 0.5), (2.0, 0.75))),))


class Team:
    """Two releases, somebody who types, and the channel."""

    def __init__(self, folder):
        self.station = Station(folder)
        self.chat = FakeChat()
        for number, (tag, score) in enumerate((("v1", 0.8), ("v2", 0.9)), 1):
            self._release(number, tag, score)
        self.boot()
        self.settle()
        self.chat.said.clear()

    def boot(self):
        self.station.boot()
        self.delivery = Delivery(
            self.station.store,
            self.chat,
            self.station.clock,
            logs=self.station.folder,
            painter=FakePainter(),
        )
        self.desk = Desk(store=self.station.store, clock=self.station.clock, project="team/fruits")

    def _release(self, number, tag, score):
        self.station.train(tag=tag)
        for step in ("prepare", "repro"):
            self.station.until_step(step, number).play(step)
        machine = self.station.until_step("publish", number)
        machine.publish(commit=str(number) * 40, metrics={"accuracy": score}, params={"lr": 1}, data={"data/raw": tag})
        machine.finish()
        self.station.until_phase(Phase.RELEASED, number)
        self.station.store.gallery.keep(number, [CURVE])

    def type(self, text, delivery="t1"):
        reply = compare.handle(Call("UALICE", "C1", text, delivery), self.desk)
        assert check_message(reply.text, [dict(block) for block in reply.blocks]) == []
        return reply

    def settle(self, seconds=60.0):
        """Let engine and deliverer work while time passes."""
        end = self.station.clock.now() + seconds
        while self.station.clock.now() < end:
            self.station.upkeep(1.0)
            self.delivery.deliver()

    @property
    def said(self):
        return [str(list(each.message.blocks)) for each in self.chat.said if each.file is None]

    @property
    def files(self):
        return [each for each in self.chat.said if each.file is not None]


@pytest.fixture
def team(tmp_path):
    return Team(tmp_path)


def test_the_tables_are_answered_at_once_for_everybody_in_the_channel(team):
    reply = team.type("v1 2")
    assert reply.in_channel
    text = str(reply.blocks)
    assert "*v1* (run 1, `main`) beside *v2* (run 2, `main`)" in text
    assert "accuracy  0.8  0.9    +0.1" in text
    assert "*Parameters*: the same." in text
    assert "*Data that differs*: `data/raw`" in text


def test_code_and_curves_follow_in_the_channel_and_its_thread(team):
    difference = Difference(3, ("dvc.lock", "train.py"), "http://gitlab.test/compare")
    team.station.code.differences = {("1" * 40, "2" * 40): difference}
    team.type("v1 v2")
    team.settle()
    (text,) = team.said
    assert "3 commits only in `v2`, 2 files not the same: `dvc.lock` and `train.py`." in text
    assert "<http://gitlab.test/compare|GitLab shows them>" in text
    assert "Metrics" not in text
    (picture,) = team.files
    assert picture.thread == team.chat.roots()[0].ts
    assert picture.text == "Learning curves of v1 and v2"
    assert "v1 train from 0.5 to 0.75 and v2 train from 0.5 to 0.75" in picture.caption


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("dvc.lock", "train.py"), "at least 2 files not the same: `dvc.lock` and `train.py`."),
        ((), "and more differs than GitLab lists."),
    ],
)
def test_where_gitlab_lists_a_part_of_the_files_that_is_said(team, files, said):
    difference = Difference(3, files, "http://gitlab.test/compare", complete=False)
    team.station.code.differences = {("1" * 40, "2" * 40): difference}
    team.type("v1 v2")
    team.settle()
    (text,) = team.said
    assert f"3 commits only in `v2`, {said}" in text
    assert "<http://gitlab.test/compare|GitLab shows them>" in text


def test_a_button_in_a_thread_gets_everything_there(team):
    one, other = team.station.run(1), team.station.run(2)
    root = team.chat.post("C1", comparison(one, other, {}))
    for _ in range(2):
        compare.compare(one, other, team.desk, delivery="b1", user="UBOB", channel="C1", thread=root, tables=True)
    team.settle()
    message, picture = team.chat.thread(root)
    assert "accuracy  0.8  0.9" in str(message.message.blocks)
    assert "no commit apart, all files the same" in str(message.message.blocks)
    assert picture.file[0].endswith(".png")


@pytest.mark.parametrize("call", ["post", "upload", "find", "has_file"])
@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_tells_nothing_twice(team, call, after):
    team.chat.fail("post", Unavailable("reset"), after=after)
    team.chat.fail("upload", Unavailable("reset"), after=after)
    team.chat.fail(call, Unavailable("reset"), after=after)
    team.type("v1 v2")
    team.type("v1 v2")
    team.settle(120)
    assert (len(team.said), len(team.files)) == (1, 1)


def test_a_bot_that_dies_meanwhile_tells_it_all_the_same_and_once(team):
    team.type("v1 v2")
    team.boot()
    team.station.upkeep(1.0)
    team.boot()
    team.settle()
    team.boot()
    team.settle()
    assert (len(team.said), len(team.files)) == (1, 1)


def test_a_gitlab_that_is_away_is_waited_for_and_then_done_without(team):
    team.station.code.errors = [Unavailable("GitLab is away.")] * 3
    team.type("v1 v2")
    team.settle(PATIENCE)
    assert "no commit apart" in team.said[0]
    team.station.code.errors = [Unavailable("GitLab is away.")] * 1_000
    team.type("v2 v1", "t2")
    team.settle(PATIENCE + 120)
    assert "it could not be compared. GitLab is away." in team.said[1]
    assert len(team.files) == 2


def test_a_commit_that_is_gone_leaves_out_the_code_alone(team):
    team.station.code.errors = [NotFound("GitLab answered `404 Ref Not Found`.")]
    team.type("v1 v2")
    team.settle()
    assert "it could not be compared" in team.said[0]
    assert len(team.files) == 1


def test_an_errand_that_stumbles_is_tried_again_and_holds_up_no_other(team, monkeypatch):
    team.station.code.differences = None
    team.type("v1 v2")
    team.settle(10)
    assert team.said == []
    team.station.code.differences = {}
    team.settle(100)
    assert len(team.said) == 1


def test_without_curves_there_is_no_picture_and_nothing_waits_for_it(team):
    team.station.store.gallery.keep(1, [])
    team.station.store.gallery.keep(2, [])
    team.type("v1 v2")
    team.settle()
    assert (len(team.said), team.files) == (1, [])
    assert team.station.store.outbox.next_due() is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Which two?"),
        ("v1", "Which two?"),
        ("v1 v2 v3", "Which two?"),
        ("v1 v9", "There is no run for the tag `v9`"),
        ("77 v1", "There is no run"),
        ("v1 1", "Both are run 1"),
        ("v1 <!channel>", "There is no run"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_to_type(team, text, words):
    reply = team.type(text)
    assert words in reply.text
    assert "<!" not in reply.text
    assert not reply.in_channel
    assert team.station.store.errands.due() == []


def test_a_run_that_made_an_image_has_nothing_to_compare():
    assert "Run 3 made an image" in compare.incomparable(a_run(), a_run(id=3, kind=Kind.BUILD))
    assert compare.incomparable(a_run(), a_run(id=3)) is None


def test_branches_that_parted_have_commits_on_both_sides():
    one, other = a_run(tag="v1"), a_run(tag="v2")
    code = {"commits": 2, "back": 1, "files": ["a"] * 8, "count": 40, "url": "https://x.test/c"}
    text = str(comparison(one, other, {"code": code}).blocks)
    assert "2 commits only in `v2` and 1 commit only in `v1`, 40 files not the same" in text
    assert "and 32 more." in text


def test_hostile_names_fit_into_the_message():
    nasty = "<!channel>`\x1b[31m" * 900
    one, other = a_run(tag=nasty, branch=nasty, result={"metrics": {nasty: 1}}), a_run(tag=nasty, branch=nasty)
    code = {"commits": 2, "back": 1, "files": [nasty] * 12, "count": 10**9, "url": "javascript:alert(1)"}
    for facts in ({"code": code, "tables": True}, {"code": {"unknown": nasty}}):
        message = comparison(one, other, facts)
        assert check_message(message.text, list(message.blocks)) == []
        assert "<!" not in json.dumps([block["text"] for block in message.blocks])
