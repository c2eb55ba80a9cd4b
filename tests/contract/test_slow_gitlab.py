"""The modal while GitLab keeps everybody waiting: what Slack has a deadline for is answered from memory."""

import threading

import pytest

from bot.looks import SLOW_SECONDS, THREADS
from bot.sandbox.slack import SlackSandbox
from tests.contract.office import TYPED, Office
from tests.doubles.doors import FakeCodeHost
from tests.doubles.project import a_project

HEAD = "a" * 40
SLOW = "GitLab is slow to answer just now"


class HeldGitLab(FakeCodeHost):
    """Keeps its answers until it is let go. `asked`: what waits for one."""

    def __init__(self):
        super().__init__()
        self.let_go = threading.Event()
        self.let_go.set()
        self.asked = []
        self.contents[HEAD] = a_project()

    def hold(self):
        self.let_go.clear()

    def head(self, branch):
        self._wait(branch)
        return super().head(branch)

    def branches(self, search="", most=100):
        self._wait(search)
        return super().branches(search, most)

    def _wait(self, what):
        if not self.let_go.is_set():
            self.asked.append(what)
            assert self.let_go.wait(120)


@pytest.fixture
def office(tmp_path):
    (tmp_path / "engine").mkdir()
    with SlackSandbox(tmp_path / "slack", commands=TYPED) as slack:
        office = Office(tmp_path, slack, code=HeldGitLab())
        with office:
            office.scout.refresh_all()
            yield office
            office.station.code.let_go.set()


def keep_everybody_waiting(office):
    """Both look at the form and for a branch that nobody remembers: as many looks as there are threads for them."""
    office.station.code.hold()
    for user in ("alice", "bob"):
        office.slack.type(user, "/train main")
        office.until_answered("Looking", user)
        assert office.slack.suggest(user, "Branch", "brand-new") == []
    office.until(lambda: len(office.station.code.asked) == THREADS)
    office.station.clock.advance(SLOW_SECONDS + 1)


def names(options):
    return [option["value"] for option in options]


@pytest.mark.parametrize("user", ["alice", "bob"])
def test_a_form_opens_and_says_that_gitlab_is_slow_while_every_look_is_held(office, user):
    keep_everybody_waiting(office)
    assert office.slack.type(user, "/train feature/mobilenet") == ""
    view = office.until_answered(SLOW, user)
    assert view["submit"]["text"] == "Train"
    assert office.slack.submit(user) == {}
    request = office.store.requests.claim()
    assert (request.branch, request.tag) == ("feature/mobilenet", "v1.0.0")


def test_the_list_answers_with_what_is_remembered_while_every_look_is_held(office):
    keep_everybody_waiting(office)
    assert names(office.slack.suggest("alice", "Branch", "mob")) == ["feature/mobilenet"]
    assert names(office.slack.suggest("alice", "Branch", "nobody-knows")) == []


def test_a_press_on_check_again_says_that_gitlab_is_slow_and_the_answer_comes_when_it_is_there(office):
    keep_everybody_waiting(office)
    office.slack.press("alice", "train-again")
    office.until_answered(SLOW)
    office.station.code.let_go.set()
    office.until_answered("*Branch:* `main`")
    office.until_answered("*Branch:* `main`", "bob")


def test_a_form_opens_with_fields_though_gitlab_was_never_heard_when_it_is_slow(office):
    keep_everybody_waiting(office)
    office.scout._world.refs._known = False
    office.slack.type("bob", "/train main")
    assert office.until_answered(SLOW, "bob")["submit"]["text"] == "Train"
