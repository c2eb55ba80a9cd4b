"""A run that is tried again: the same commit, never a second training of what is saved, and one run however often."""

import json

import pytest

from bot.errors import Unauthorised
from bot.runs.model import Kind, Phase, TrainOptions
from bot.runs.retries import Again, may_retry, train_again
from tests.doubles.runs import a_run
from tests.doubles.station import Station

POOL = {"gpus": ("gpu-1", "gpu-2")}


@pytest.fixture
def station(tmp_path):
    return Station(tmp_path)


def whispers(station):
    return [row["text"] for row in station.said(None)]


def fail_in(station, step, number=1, *, cause="code"):
    """Play a run until that step fails for good."""
    for name in ("prepare", "repro", "publish"):
        machine = station.until_step(name, number)
        if name == step:
            machine.emit("failed", step=step, cause=cause, message="It did not work.", lines=[])
            machine.finish(1)
            break
        machine.play(name)
    station.until(lambda: station.run(number).phase is Phase.FAILED and not station.run(number).holds)
    return station.run(number)


def fail_to_release(station, number=1):
    station.public.errors.append(Unauthorised("nobody may read the bucket"))
    for step in ("prepare", "repro", "publish"):
        station.until_step(step, number).play(step)
    return station.until_phase(Phase.FAILED, number)


def test_a_retry_is_a_new_run_of_the_same_commit_options_and_line(station):
    station.train(options=TrainOptions(on="bob", force=True))
    failed = fail_in(station, "repro")
    station.code.heads["main"] = "d" * 40
    station.retry(failed)
    station.tick()
    run = station.run(2)
    assert (run.retry_of, run.commit, run.tag) == (1, failed.commit, "v1.0.0")
    assert (run.options, run.queue) == (failed.options, "bob")
    assert station.until_step("prepare", 2).current().spec["retries"] == [failed.uid]
    assert station.said(2)[0]["kind"] == "card"


def test_a_cancelled_run_can_be_tried_again(station):
    station.train()
    station.until_step("prepare")
    station.store.cancel(1, "UALICE")
    station.until(lambda: station.run().phase is Phase.CANCELLED and not station.run().holds)
    station.retry(station.run())
    assert station.train_to_release(2).retry_of == 1


def test_a_failed_release_is_made_without_any_machine_and_says_the_same_as_before(station):
    station.train()
    failed = fail_to_release(station)
    jobs = len(station.machines["alice"].jobs)
    station.retry(failed, user="UBOB")
    station.tick()
    run = station.run(2)
    assert (run.phase, run.fence, run.holds) == (Phase.RELEASED, 0, False)
    assert "Trained by run 1 for alice@example.com" in station.code.releases["v1.0.0"].description
    assert len(station.machines["alice"].jobs) == jobs
    assert run.result["commit"] == failed.result["commit"]


def test_a_release_that_was_half_made_is_finished_and_not_taken_for_a_strangers(station):
    station.train()
    fail_to_release(station)
    station.retry(station.run())
    station.code.errors += [Unauthorised("the token ended")]
    station.until_phase(Phase.FAILED, 2)
    assert station.public.files
    station.retry(station.run(2))
    station.tick()
    assert station.run(3).phase is Phase.RELEASED
    assert "Trained by run 1 " in station.code.releases["v1.0.0"].description


def test_two_people_who_press_at_once_get_one_run(station):
    station.train()
    failed = fail_in(station, "repro")
    assert station.retry(failed)
    assert not station.retry(failed, user="UBOB")
    station.tick()
    assert station.retry(failed, user="UBOB")
    station.tick()
    assert len(station.store.runs()) == 2
    assert "Run 1 (`v1.0.0`) was tried again already, by run 2." in whispers(station)[0]


def test_what_failed_again_is_tried_again_itself_and_knows_all_earlier_tries(station):
    station.train()
    fail_in(station, "repro")
    station.retry(station.run(1))
    second = fail_in(station, "prepare", 2)
    station.retry(station.run(1))
    station.tick()
    assert "`/retry 2` tries that one again" in whispers(station)[0]
    station.retry(second)
    assert station.until_step("prepare", 3).current().spec["retries"] == [station.run(2).uid, station.run(1).uid]


def test_a_tag_that_the_run_itself_pushed_lets_its_retry_through(station):
    station.train()
    failed = fail_in(station, "publish")
    station.code.tags_made["v1.0.0"] = "c" * 40
    station.code.messages["v1.0.0"] = f"Train v1.0.0\n\nRun: 1\nRun-Uid: {failed.uid}"
    station.retry(failed)
    station.train_to_release(2)
    assert whispers(station) == []


def test_a_tag_of_somebody_else_refuses_the_retry_before_any_machine_starts(station):
    station.train()
    failed = fail_in(station, "publish", cause="conflict")
    station.code.tags_made["v1.0.0"] = "e" * 40
    starts = station.machines["alice"].starts
    station.retry(failed)
    station.tick()
    assert "was made by somebody else" in whispers(station)[0]
    assert (len(station.store.runs()), station.machines["alice"].starts) == (1, starts)


def test_a_tag_that_went_to_a_newer_run_is_not_taken_back(station):
    station.train()
    fail_in(station, "repro")
    station.train(user="UBOB")
    station.tick()
    station.retry(station.run(1))
    station.tick()
    assert "its tag went to run 2 meanwhile" in whispers(station)[0]


def test_what_is_still_there_is_not_forced_to_be_made_again(station):
    station.train(options=TrainOptions(force=True))
    station.retry(fail_in(station, "publish"))
    machine = station.until_step("prepare", 2)
    machine.emit("restored", uid=station.run().uid)
    machine.play("prepare")
    assert station.until_step("repro", 2).current().spec["force"] is False
    whats = [json.loads(row["data"])["what"] for row in station.said(2, "milestone")]
    assert "restored" in whats


def test_a_pools_run_that_failed_to_publish_goes_back_to_the_machine_with_its_result(tmp_path):
    station = Station(tmp_path, "gpu-1", "gpu-2", pools=POOL)
    station.train()
    failed = fail_in(station, "publish")
    station.train(tag="v2")
    station.until(lambda: station.run(2).holds)
    assert station.run(2).location == failed.location == "gpu-1"
    station.retry(failed)
    station.tick(60)
    assert station.run(3).phase is Phase.QUEUED
    station.store.cancel(2, "UALICE")
    station.until(lambda: station.run(3).holds)
    assert station.run(3).location == "gpu-1"


def test_an_image_that_could_not_be_made_can_be_tried_again(tmp_path):
    station = Station(tmp_path, builds=True)
    station.build_image()
    station.until_step("prepare").finish(3)
    station.until(lambda: station.run().phase is Phase.FAILED and not station.run().holds)
    station.retry(station.run())
    for step in ("prepare", "build"):
        station.until_step(step, 2).play(step)
    assert station.until_phase(Phase.BUILT, 2).kind is Kind.BUILD


def test_the_owner_and_admins_may_try_a_run_again():
    run = a_run(Phase.FAILED)
    assert [may_retry(run, user, {"UBOSS"}) for user in ("UALICE", "UBOSS", "UBOB")] == [True, True, False]


def test_training_again_begins_with_the_same_options_and_the_next_free_tag():
    options = TrainOptions(set={"train.epochs": "3"})
    run = a_run(Phase.RELEASED, options=options)
    assert train_again(run, ["v1.0.0", "v1.0.1"]) == Again("main", "v1.0.2", options)
    smoke = a_run(Phase.TESTED, kind=Kind.SMOKE, tag="smoke-of-main", options=TrainOptions(smoke=True))
    assert train_again(smoke, []).tag == "smoke-of-main"
