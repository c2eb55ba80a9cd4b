"""What a release is compared with: the last of its branch and of the default branch, decided once."""

import json

import pytest

from bot.errors import Unauthorised, Unavailable
from bot.runs.model import Phase
from tests.doubles.station import Station

TOPIC = "feature/mobilenet"


@pytest.fixture
def station(tmp_path):
    return Station(tmp_path)


def release(station, number, branch, tag, **published):
    station.train(branch, tag)
    publish(station, number, **published)
    return station.until_phase(Phase.RELEASED, number)


def publish(station, number, **published):
    for step in ("prepare", "repro"):
        station.until_step(step, number).play(step)
    machine = station.until_step("publish", number)
    machine.publish(commit=f"{number:040}", **published)
    machine.finish()


def against(station, number):
    (terminal,) = station.said(number, "terminal")
    return [(record["tag"], record["metrics"], record["params"]) for record in json.loads(terminal["data"])["against"]]


def test_the_first_release_is_compared_with_nothing(station):
    release(station, 1, "main", "v1")
    assert against(station, 1) == []


def test_a_branch_is_compared_with_its_own_last_release_and_with_that_of_the_default_branch(station):
    release(station, 1, "main", "v1", metrics={"accuracy": 0.8}, params={"lr": 1})
    release(station, 2, TOPIC, "t1", metrics={"accuracy": 0.9}, params={"lr": 2})
    release(station, 3, "main", "v2", metrics={"accuracy": 0.85}, params={"lr": 1})
    release(station, 4, TOPIC, "t2", metrics={"accuracy": 0.95}, params={"lr": 2})
    assert against(station, 2) == [("v1", {"accuracy": 0.8}, {"lr": 1})]
    assert against(station, 3) == [("v1", {"accuracy": 0.8}, {})]
    assert against(station, 4) == [("t1", {"accuracy": 0.9}, {}), ("v2", {"accuracy": 0.85}, {"lr": 1})]


def test_a_second_try_says_the_same_although_others_were_released_meanwhile(station, monkeypatch):
    release(station, 1, "main", "v1")
    publish_file, closed = station.public.publish, ["v2"]

    def refuse(key, content):
        if any(f"/{tag}/" in key for tag in closed):
            raise Unavailable("S3 is away")
        return publish_file(key, content)

    monkeypatch.setattr(station.public, "publish", refuse)
    station.train("main", "v2")
    publish(station, 2)
    station.until(lambda: "compared" in station.run(2).progress)
    release(station, 3, "main", "v3")
    assert station.run(2).phase is Phase.RELEASING
    closed.clear()
    station.until_phase(Phase.RELEASED, 2)
    assert [tag for tag, _, _ in against(station, 2)] == ["v1"]


def test_a_gitlab_that_does_not_tell_the_default_branch_holds_no_release_up(station, monkeypatch):
    release(station, 1, "main", "v1")

    def refuse():
        raise Unauthorised("403")

    monkeypatch.setattr(station.code, "default_branch", refuse)
    release(station, 2, TOPIC, "t1")
    assert against(station, 2) == []


def test_a_gitlab_that_is_away_is_waited_for(station, monkeypatch):
    release(station, 1, "main", "v1")
    answers = iter([Unavailable("away"), Unavailable("away")])

    def ask():
        for error in answers:
            raise error
        return "main"

    monkeypatch.setattr(station.code, "default_branch", ask)
    release(station, 2, TOPIC, "t1")
    assert [tag for tag, _, _ in against(station, 2)] == ["v1"]
