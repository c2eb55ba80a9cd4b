"""Pushes to watched branches: the newest is tested, and GitLab hears how that stands."""

import logging

import pytest

from bot.engine import statuses, triggers
from bot.errors import Conflict, SettingsError, Unavailable
from bot.ports import Commit
from bot.pushes import wanted
from bot.runs.model import Kind, Phase
from bot.settings import load
from tests.doubles.station import Station
from tests.unit.test_settings import NEEDED

PROJECT = "team/fruits"
PARAMETERS = b"train: {epochs: 9}\nsmoke: {train: {epochs: 1}}\n"
WANTED = triggers.Wanted({PROJECT: "C9"}, messages=False, watched=("main", "release/*"), at="bob")


@pytest.fixture
def station(tmp_path):
    """A bot that has seen where the branches stand, and tests pushes at bob's machine."""
    station = Station(tmp_path)
    triggers.look(station.world, WANTED)
    return station


def push(station, letter="e", *, branch="main", message="A change", email="alice@example.com"):
    before, commit = station.code.heads[branch], letter * 40
    station.code.pushed[before, commit] = [Commit("0" * 40, "Earlier", email), Commit(commit, message, email)]
    station.code.heads[branch] = commit
    station.code.files["params.yaml", commit] = PARAMETERS


def look(station):
    triggers.look(station.world, WANTED)
    station.tick()


def told(station):
    """What GitLab was told: the first letter of the commit, and the state."""
    statuses.report(station.world)
    return [(commit[0], status.state) for commit, status in station.code.statuses]


def test_a_push_is_tested_where_the_settings_say_and_its_status_follows(station):
    push(station)
    look(station)
    run = station.run()
    assert (run.kind, run.branch, run.commit, run.location, run.channel) == (Kind.SMOKE, "main", "e" * 40, "bob", "C9")
    assert told(station) == told(station) == [("e", "pending")]
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    assert told(station)[-1] == ("e", "running")
    machine.play("repro")
    station.until_phase(Phase.TESTED)
    assert told(station) == told(station) == [("e", "pending"), ("e", "running"), ("e", "success")]
    assert station.store.statuses.due() == []


def test_the_thread_says_which_push_it_answers(station):
    push(station)
    look(station)
    assert [row["kind"] for row in station.said()][:2] == ["card", "milestone"]


def test_a_test_that_fails_says_in_which_stage_and_links_its_thread(station):
    push(station)
    look(station)
    (card,) = station.store.outbox.due()
    station.store.outbox.sent(card, "1.500000")
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    machine.emit("failed", step="repro", stage="train", cause="code", message="no", lines=[])
    machine.finish(1)
    station.until_phase(Phase.FAILED)
    statuses.report(station.world)
    commit, status = station.code.statuses[-1]
    assert (commit, status.state) == ("e" * 40, "failed")
    assert status.description == "The smoke test failed in the stage train"
    assert status.url == "https://team.slack.test/archives/C9/p1500000"


def test_a_branch_that_nobody_watches_is_not_tested(station):
    push(station, branch="feature/mobilenet")
    look(station)
    assert station.store.runs() == []


def test_a_result_of_our_own_is_not_tested(station):
    push(station, message="Model\n\nRun: 7\nRun-Uid: 7-abcd\n")
    look(station)
    assert station.store.runs() == []


def test_a_push_of_somebody_who_is_not_in_slack_is_not_tested(station, caplog):
    push(station, email="mallory@example.com")
    with caplog.at_level(logging.WARNING):
        look(station)
    assert station.store.runs() == []
    assert "is not tested" in caplog.text


def test_a_newer_push_takes_the_place_of_one_that_still_waits(station):
    station.train(tag="v1.0.0", user="UBOB")
    station.tick()
    push(station)
    look(station)
    assert told(station) == [("e", "pending")]
    push(station, "f")
    look(station)
    assert station.run(2).phase is Phase.CANCELLED
    assert (station.run(3).phase, station.run(3).commit) == (Phase.QUEUED, "f" * 40)
    assert told(station) == [("e", "pending"), ("e", "canceled"), ("f", "pending")]


def test_a_test_that_runs_goes_on_beside_a_newer_one_that_waits(station):
    push(station)
    look(station)
    station.until_step("prepare")
    push(station, "f")
    look(station)
    assert (station.run(1).phase, station.run(2).phase) == (Phase.PREPARING, Phase.QUEUED)


def test_of_two_pushes_before_anybody_could_look_only_the_newer_is_tested(station):
    push(station)
    triggers.look(station.world, WANTED)
    push(station, "f")
    look(station)
    assert [run.commit for run in station.store.runs()] == ["f" * 40]
    assert station.said(None) == []


def test_a_status_that_gitlab_cannot_take_now_is_told_later_and_the_run_goes_on(station):
    push(station)
    look(station)
    station.code.errors.append(Unavailable("away"))
    assert told(station) == []
    station.clock.advance(60)
    assert told(station) == [("e", "pending")]
    for step in ("prepare", "repro"):
        station.until_step(step).play(step)
    assert station.until_phase(Phase.TESTED)


def test_a_status_that_gitlab_refuses_is_left_and_the_next_one_told(station):
    push(station)
    look(station)
    station.code.errors.append(Conflict("it is pending already"))
    assert told(station) == []
    station.until_step("prepare").play("prepare")
    station.until_step("repro")
    assert told(station) == [("e", "running")]


def test_a_status_that_can_never_be_told_is_given_up_once_the_run_is_over(station):
    push(station)
    look(station)
    station.store.cancel(1, "UALICE")
    station.until_phase(Phase.CANCELLED)
    for _ in range(statuses.TRIES + 1):
        station.code.errors.append(Unavailable("away"))
        statuses.report(station.world)
        station.clock.advance(60)
    assert station.store.statuses.due() == []
    assert station.code.statuses == []


@pytest.fixture
def environment(monkeypatch, tmp_path):
    for name in ("SLACK_SIGNING_SECRET", "COMMAND_PREFIX", "SLACK_FALLBACK_CHANNEL", "COMMIT_TRIGGERS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "stationmaster.toml"
    file.write_text('[locations.rack-1]\nshared = true\npower = "always-on"\nsmoke = true\n')
    monkeypatch.setenv("SLACK_FALLBACK_CHANNEL", "C9")
    monkeypatch.setenv("WATCH_BRANCHES", "main release/*")
    monkeypatch.setenv("STATIONMASTER_CONFIG", str(file))
    return monkeypatch


def test_branches_to_watch_come_as_words_and_the_location_by_its_mark(environment):
    found = wanted(load())
    assert (found.watched, found.at, found.messages) == (("main", "release/*"), "rack-1", False)


def test_watching_needs_a_location_for_it(environment):
    environment.delenv("STATIONMASTER_CONFIG")
    with pytest.raises(SettingsError, match="needs a location with smoke = true"):
        load()
