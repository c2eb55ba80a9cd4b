"""Commits that ask for a run: each once, for whoever made it, and never one of our own."""

import json

import pytest

from bot.engine import triggers
from bot.errors import SettingsError, Unavailable
from bot.ports import Commit
from bot.pushes import Pushes, wanted
from bot.runs.model import Kind, Note
from bot.settings import load
from bot.slack.milestones import milestone
from tests.doubles.station import Station
from tests.unit.test_settings import NEEDED

PROJECT = "team/fruits"
WANTED = triggers.Wanted({PROJECT: "C9"})


@pytest.fixture
def station(tmp_path):
    """A bot that has seen where the branches stand."""
    station = Station(tmp_path)
    triggers.look(station.world, WANTED)
    return station


def push(station, message, *, branch="main", email="alice@example.com", commit="e" * 40):
    """Somebody pushes one commit."""
    before = station.code.heads[branch]
    station.code.pushed[before, commit] = [Commit(commit, message, email)]
    station.code.heads[branch] = commit


def look(station):
    asked = triggers.look(station.world, WANTED)
    station.tick()
    return asked


def whispers(station):
    return [row["text"] for row in station.said(None)]


def test_a_commit_starts_the_run_that_its_committer_would_have_started(station):
    push(station, "trigger training v1.0.0\n\nMore epochs.\n", email="bob@example.com")
    assert look(station)
    run = station.run()
    assert (run.kind, run.branch, run.tag, run.commit) == (Kind.TRAIN, "main", "v1.0.0", "e" * 40)
    assert (run.user, run.queue, run.channel) == ("UBOB", "bob", "C9")


def test_the_thread_says_that_a_commit_asked_for_it(station):
    push(station, "trigger training v1.0.0")
    look(station)
    card, first = station.said()[:2]
    assert (card["kind"], first["kind"]) == ("card", "milestone")
    facts = json.loads(first["data"])
    assert facts == {"what": "by-commit", "commit": "e" * 40}
    said = milestone(station.run(), Note("milestone", data=facts))
    assert said.text == "The message of commit `eeeeeeeeee` on `main` asked for this run."


def test_a_commit_has_the_branchs_image_built(tmp_path):
    station = Station(tmp_path, builds=True)
    triggers.look(station.world, WANTED)
    push(station, "build image")
    look(station)
    assert station.run().kind is Kind.BUILD


@pytest.mark.parametrize(
    "message",
    [
        "Fix the loader",
        "trigger training of the new model, some time soon",
        "Please trigger training v1.0.0",
        "build images faster",
        "trigger training v1.0.0\n\nRun: 7\nRun-Uid: 7-abcd\n",
    ],
    ids=["another", "prose", "in the middle", "image prose", "our own"],
)
def test_other_commits_ask_for_nothing(station, message):
    push(station, message)
    assert not look(station)
    assert station.store.runs() == []
    assert whispers(station) == []


def test_a_commit_asks_once_whatever_is_looked_at_again(station):
    push(station, "trigger training v1.0.0")
    look(station)
    station.store.cancel(1, "UALICE")
    station.boot()
    look(station)
    push_to = station.code.heads["feature/mobilenet"]
    station.code.pushed[push_to, "e" * 40] = station.code.pushed["a" * 40, "e" * 40]
    station.code.heads["feature/mobilenet"] = "e" * 40
    look(station)
    assert len(station.store.runs()) == 1


def test_the_first_look_at_a_branch_only_notes_where_it_stands(tmp_path):
    station = Station(tmp_path)
    push(station, "trigger training v1.0.0")
    assert not look(station)
    station.code.heads["new"] = "d" * 40
    assert not look(station)
    assert station.store.heads.of(PROJECT) == station.code.heads


def test_a_branch_that_was_deleted_and_comes_back_is_seen_for_the_first_time(station):
    gone = station.code.heads.pop("feature/mobilenet")
    look(station)
    assert station.store.heads.of(PROJECT) == {"main": "a" * 40}
    station.code.heads["feature/mobilenet"] = "e" * 40
    station.code.pushed[gone, "e" * 40] = [Commit("e" * 40, "trigger training v1.0.0", "alice@example.com")]
    assert not look(station)


def test_what_stood_there_before_a_force_push_may_be_gone(station):
    station.code.heads["main"] = "e" * 40
    assert not look(station)
    assert station.store.heads.of(PROJECT)["main"] == "e" * 40


def test_a_look_that_a_door_fails_is_made_again(station):
    push(station, "trigger training v1.0.0")
    station.world.chat.errors.append(Unavailable("Slack is away"))
    assert not look(station)
    assert look(station)
    assert station.run().tag == "v1.0.0"


def test_a_commit_of_somebody_who_is_not_in_slack_starts_nothing(station, caplog):
    push(station, "trigger training v1.0.0", email="mallory@example.com")
    assert not look(station)
    assert "nobody in Slack has the address mallory@example.com" in caplog.text


def test_a_commit_is_refused_as_a_command_would_be_and_only_its_committer_hears(station):
    station.code.tags_made["v1.0.0"] = "d" * 40
    push(station, "trigger training v1.0.0")
    look(station)
    (said,) = station.said(None)
    assert "the tag `v1.0.0` exists already" in said["text"]
    assert (said["channel"], said["user"]) == ("C9", "UALICE")


@pytest.mark.parametrize("message", ["trigger training", "trigger training v1..0"])
def test_a_commit_without_a_tag_that_could_be_one_is_told_so_once(station, message):
    push(station, message)
    look(station)
    look(station)
    (said,) = whispers(station)
    assert "commit `eeeeeeeeee` asks for a training, but its tag" in said
    assert station.store.runs() == []


# Settings and GitLab's own word


@pytest.fixture
def environment(monkeypatch):
    for name in ("STATIONMASTER_CONFIG", "SLACK_SIGNING_SECRET", "COMMAND_PREFIX", "SLACK_FALLBACK_CHANNEL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_commits_ask_for_nothing_unless_the_settings_say_so(environment):
    assert load().commit_triggers is False


def test_commits_that_ask_for_runs_need_a_channel_for_their_threads(environment):
    environment.setenv("COMMIT_TRIGGERS", "true")
    with pytest.raises(SettingsError, match="need SLACK_FALLBACK_CHANNEL"):
        load()
    environment.setenv("SLACK_FALLBACK_CHANNEL", "C9")
    assert wanted(load()) == WANTED


@pytest.mark.parametrize(
    ("secret", "token", "is_gitlab"),
    [("right", "right", True), ("right", "wrong", False), ("right", "", False), (None, "", False)],
)
def test_only_gitlabs_own_token_makes_the_next_look_come_now(environment, station, secret, token, is_gitlab):
    environment.setenv("COMMIT_TRIGGERS", "true")
    environment.setenv("SLACK_FALLBACK_CHANNEL", "C9")
    if secret is not None:
        environment.setenv("GITLAB_WEBHOOK_SECRET", secret)
    rung = []
    pushes = Pushes(load(), station.world, lambda: None)
    pushes.soon = lambda: rung.append(1)
    assert pushes.has_webhook is (secret is not None)
    assert pushes.told(token) is is_gitlab
    assert len(rung) == is_gitlab


def test_what_a_look_finds_wakes_the_workers(environment, station):
    environment.setenv("COMMIT_TRIGGERS", "true")
    environment.setenv("SLACK_FALLBACK_CHANNEL", "C9")
    woken = []
    pushes = Pushes(load(), station.world, lambda: woken.append(1))
    pushes.look()
    assert woken == []
    push(station, "trigger training v1.0.0")
    pushes.look()
    assert woken == [1]
