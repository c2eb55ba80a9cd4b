"""A run whose machine the cloud takes back: how it ends, what becomes of the machine, and what people read."""

from dataclasses import replace

import pytest

from bot.assembly import METADATA, _terms
from bot.errors import Unavailable
from bot.ports import PowerState
from bot.runs.model import Kind, Note, Phase, Reason
from bot.settings import LocationSettings, load
from bot.slack.buttons import RETRY, row
from bot.slack.ending import terminal
from tests.doubles.runs import START, a_run
from tests.doubles.station import Station

NEEDED = {
    "SLACK_BOT_TOKEN": "xoxb-canary",
    "SLACK_APP_TOKEN": "xapp-canary",
    "GITLAB_PROJECT": "team/fruits",
    "GITLAB_TOKEN": "canary",
    "PUBLIC_BUCKET": "public",
}
TIMES = {Phase.QUEUED: START, Phase.PREPARING: START + 1, Phase.TRAINING: START + 2}


@pytest.fixture
def station(tmp_path):
    return Station(tmp_path, notices="http://127.0.0.1:1")


def interrupt(station, step="repro", number=1):
    """What the supervisor of a job does (trainer/job/notice.py)."""
    machine = station.until_step(step, number)
    message = "The notice said that the machine would be stopped at 2026-01-02 03:04:05 UTC."
    machine.emit("failed", step=step, stage=None, cause="interrupted", message=message, action="stop", lines=[])
    machine.finish(143)
    return machine


def training(station):
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    machine.emit("stage", name="train", index=1, of=1, state="started")
    machine.emit("metric", step=3, of=5, values={"accuracy": 0.9})
    return machine


def test_a_job_is_told_whom_to_ask(station):
    station.train()
    assert station.until_step("prepare").current().spec["notices"] == "http://127.0.0.1:1"


def test_the_run_fails_with_its_stage_and_no_step_is_tried_again(station):
    station.train()
    training(station)
    interrupt(station)
    run = station.until_phase(Phase.FAILED)
    assert (run.reason, run.detail["stage"], run.detail["action"]) == (Reason.INTERRUPTED, "train", "stop")
    station.until(lambda: not station.run().holds)
    assert len(station.said(kind="terminal")) == 1
    assert not station.code.releases


@pytest.mark.parametrize("step", ["prepare", "publish"])
def test_the_other_steps_end_the_run_as_well(station, step):
    station.train()
    if step == "publish":
        station.until_step("prepare").play("prepare")
        station.until_step("repro").play("repro")
    interrupt(station, step)
    run = station.until_phase(Phase.FAILED)
    assert (run.reason, run.detail.get("stage")) == (Reason.INTERRUPTED, None)


def test_the_machine_is_stopped_and_whoever_waits_for_it_gets_it_only_after_that(station):
    station.train()
    training(station)
    station.train(tag="v2.0.0")
    machine = interrupt(station)
    machine.fail("stop", Unavailable("the cloud does not answer"))
    station.until(lambda: not station.run().holds)
    station.tick(5)
    assert station.run(2).phase is Phase.QUEUED
    station.upkeep()
    assert (machine.state, machine.stops) == (PowerState.STOPPED, 1)
    station.upkeep()
    station.until_step("prepare", 2)
    assert machine.starts == 2


def test_a_machine_that_is_off_by_then_is_given_back_all_the_same(station):
    station.train()
    training(station)
    machine = interrupt(station)
    station.until_phase(Phase.FAILED)
    machine.vanish()
    station.until(lambda: not station.run().holds)
    station.upkeep()
    assert not station.store.machines.get("alice").stopping
    assert station.retry(station.run())
    station.until_step("prepare", 2)


def said(run):
    message = terminal(run, Note("terminal", data={"stopping": True}))
    return "\n".join(block["text"]["text"] for block in message.blocks if block["type"] == "section")


def ended(**changes):
    detail = {"stage": "train", "action": changes.pop("action", "stop"), "message": "The notice said so."}
    progress = {"metric": {"step": 3, "of": 5, "values": {}}}
    run = a_run(Phase.FAILED, reason=Reason.INTERRUPTED, detail=detail, times=TIMES, progress=progress)
    return replace(run, **changes)


def test_the_last_word_says_how_far_it_got_and_that_a_retry_goes_on():
    text = said(ended())
    assert "The cloud took the machine back in the middle of the run. Nothing was released." in text
    assert "The notice said so. It had got to epoch 3 of 5." in text
    assert "goes on after the last epoch that was kept, once `rack-1` can be started again." in text
    assert "stopped again" not in text
    assert row(ended())[0]["elements"][0]["action_id"] == RETRY


def test_of_a_machine_that_is_terminated_nothing_is_promised():
    text = said(ended(action="terminate"))
    assert "its disk goes with it" in text
    assert "trains anew there; the data come from the remote" in text
    assert "kept" not in text
    assert "trains anew on another one" in said(ended(action="terminate", queue="gpus"))


def test_in_a_pool_it_goes_on_only_on_the_machine_that_has_what_was_kept():
    assert "if it gets `rack-1` again; on another machine of the pool it trains anew" in said(ended(queue="gpus"))


def test_a_result_that_was_not_saved_yet_is_still_there():
    assert "The result is still on `rack-1`" in said(ended(times={**TIMES, Phase.PUBLISHING: START + 3}))


def test_a_smoke_test_says_nothing_of_its_branch():
    assert "tries the same again" in said(ended(kind=Kind.SMOKE))


@pytest.mark.parametrize(
    ("location", "told", "asked"),
    [
        ({"power": "ec2", "instance": "i-0123456789abcdef0", "shell": "ssm"}, {}, METADATA),
        ({"power": "always-on", "shell": "ssh", "host": "rack-1"}, {}, None),
        ({"power": "ec2", "instance": "i-0123456789abcdef0", "shell": "local"}, {}, None),
        (
            {"power": "ec2", "instance": "i-0123456789abcdef0", "shell": "ssm"},
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            None,
        ),
        (
            {"power": "ec2", "instance": "i-0123456789abcdef0", "shell": "local"},
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:2"},
            "http://127.0.0.1:2",
        ),
        (
            {"power": "always-on", "shell": "local"},
            {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:2"},
            None,
        ),
    ],
)
def test_only_an_instance_is_told_to_ask(monkeypatch, location, told, asked):
    place = LocationSettings(shared=True, **location)
    for name, value in {**NEEDED, **told}.items():
        monkeypatch.setenv(name, value)
    assert _terms(place, load()).notices == asked
