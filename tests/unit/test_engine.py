"""What the engine does with a run, from the request to its last word; doubles at the doors, a real ledger."""

import json

import pytest

from bot.errors import Conflict, Unauthorised, Unavailable
from bot.runs.model import Phase, Reason
from tests.doubles.station import Station


@pytest.fixture
def station(tmp_path):
    return Station(tmp_path)


def whispers(station):
    return [row["text"] for row in station.said(None)]


def milestones(station, number=1):
    return [json.loads(row["data"])["what"] for row in station.said(number, "milestone")]


def test_a_run_goes_from_the_command_to_a_release(station):
    station.train()
    run = station.train_to_release()
    assert run.result["release_url"] == "http://gitlab.test/v1.0.0"
    assert station.public.files["team/fruits/v1.0.0/train.dvc"].startswith(b"outs:")
    assert station.code.releases["v1.0.0"].links[0].url == run.result["public_url"]
    assert station.said()[0]["kind"] == "card"
    assert len(station.said(kind="terminal")) == 1
    assert milestones(station) == ["machine-starting", "machine-ready", "prepared", "stages", "published"]


def test_each_step_gets_only_its_own_credentials_and_the_commit_that_was_asked_for(station):
    station.train()
    station.train_to_release()
    jobs = {job.step: job for job in station.machines["alice"].jobs.values()}
    assert [jobs[step].secrets["git"]["token"] for step in jobs] == [f"canary-{step}" for step in jobs]
    assert {job.spec["commit"] for job in jobs.values()} == {"a" * 40}
    assert "canary" not in repr(list(jobs.values()))


def test_an_unknown_branch_is_answered_with_the_nearest_names_and_nothing_starts(station):
    station.train("feature/mobilnet")
    station.tick()
    assert "feature/mobilenet" in whispers(station)[0]
    assert station.store.runs() == []
    assert station.machines["alice"].starts == 0


def test_a_tag_that_exists_is_refused_before_any_machine_starts_with_the_next_free_one(station):
    station.code.tags_made = {"v1.0.0": "f" * 40, "v1.0.1": "e" * 40}
    station.train()
    station.tick()
    assert "`v1.0.2`" in whispers(station)[0]
    assert station.machines["alice"].starts == 0


def test_a_person_without_a_location_is_told_whom_to_ask(station):
    station.train(user="UEVE")
    station.tick()
    assert "eve@example.com" in whispers(station)[0]
    assert "#ml-platform" in whispers(station)[0]


def test_the_same_command_delivered_three_times_is_one_run(station):
    assert station.train(delivery="t1")
    assert not station.train(delivery="t1")
    station.tick()
    assert not station.train(delivery="t1")
    station.train(delivery="t2")
    station.tick()
    assert len(station.store.runs()) == 1
    assert "run 1 already" in whispers(station)[0]


def test_a_tag_that_another_run_is_making_is_refused(station):
    station.train()
    station.tick()
    station.train("feature/mobilenet", user="UBOB")
    station.tick()
    assert "run 1 by <@UALICE>" in whispers(station)[0]


def test_while_gitlab_is_away_the_request_waits_and_is_then_refused_with_a_sentence(station):
    station.code.errors = [Unavailable("GitLab does not answer.")] * 2
    station.train()
    station.until(lambda: bool(station.store.runs()), limit=60)
    station.code.errors = [Unavailable("GitLab does not answer.")] * 100
    station.train(tag="v2.0.0")
    station.until(lambda: bool(whispers(station)), limit=300)
    assert "GitLab does not answer" in whispers(station)[0]
    assert "Nothing was started" in whispers(station)[0]


def test_a_refused_token_is_tried_once_and_named(station):
    station.code.errors = [Unauthorised("GitLab refused the token.")] * 5
    station.train()
    station.until(lambda: bool(whispers(station)), limit=60)
    assert len(station.code.errors) == 4


def test_a_busy_location_queues_in_order_and_starts_by_itself(station):
    for tag in ("v1", "v2", "v3"):
        station.train(tag=tag)
        station.tick()
    station.until_step("prepare", 1)
    station.tick(30)
    assert [station.run(n).phase for n in (2, 3)] == [Phase.QUEUED, Phase.QUEUED]
    for number in (1, 2, 3):
        station.train_to_release(number)
    assert milestones(station, 2)[0] == "your-turn"
    assert station.machines["alice"].most_at_once == 1
    fences = [station.run(n).fence for n in (1, 2, 3)]
    assert fences == sorted(set(fences))


def test_two_people_train_at_once_on_their_own_machines(station):
    station.train(tag="v1")
    station.train(tag="v2", user="UBOB")
    station.until_step("prepare", 1)
    station.until_step("prepare", 2)
    assert [m.starts for m in station.machines.values()] == [1, 1]


def test_a_failed_stage_is_named_with_its_last_lines_and_nothing_is_released(station):
    station.train()
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    machine.log("Traceback ...\nValueError: nan\n")
    machine.emit("failed", step="repro", stage="train", cause="code", message="train failed", lines=["ValueError: nan"])
    machine.finish(1)
    run = station.until_phase(Phase.FAILED)
    assert (run.reason, run.detail["stage"], run.detail["lines"]) == (Reason.CODE, "train", ["ValueError: nan"])
    station.until(lambda: not station.run().holds, limit=10)
    assert [row["kind"] for row in station.said()][-2:] == ["terminal", "log-file"]
    assert station.world.logs.path(run.uid).read_text() == "Traceback ...\nValueError: nan\n"
    assert station.code.releases == {}


def test_training_is_never_started_twice_but_publishing_is_tried_again(station):
    station.train()
    station.until_step("prepare").play("prepare")
    station.until_step("repro").play("repro")
    for _ in range(2):
        machine = station.until_step("publish")
        machine.emit("failed", step="publish", cause="network", message="S3 went away", lines=[])
        machine.finish(1)
        station.tick(1)
    station.until_step("publish").play("publish")
    station.until_phase(Phase.RELEASED)
    names = [job.step for job in station.machines["alice"].jobs.values()]
    assert names.count("repro") == 1
    assert names.count("publish") == 3


def test_a_killed_training_fails_and_is_not_started_again(station):
    station.train()
    station.until_step("prepare").play("prepare")
    station.until_step("repro").finish(137, oom=True)
    assert station.until_phase(Phase.FAILED).reason is Reason.OUT_OF_MEMORY


def test_a_training_that_runs_too_long_is_ended(tmp_path):
    station = Station(tmp_path, max_hours=1)
    station.train()
    station.until_step("prepare").play("prepare")
    station.until_step("repro")
    run = station.until_phase(Phase.FAILED)
    assert run.reason is Reason.TOO_LONG
    station.until(lambda: not station.run().holds, limit=30)
    assert station.machines["alice"].kills


@pytest.mark.parametrize("step", ["prepare", "repro", "publish"])
def test_cancel_ends_the_job_and_frees_the_location_within_15_seconds(station, step):
    station.train()
    for earlier in ("prepare", "repro", "publish"):
        machine = station.until_step(earlier)
        if earlier == step:
            break
        machine.play(earlier)
    station.store.cancel(1, "UALICE")
    began = station.clock.now()
    station.until(lambda: not station.run().holds, limit=15)
    assert station.run().phase is Phase.CANCELLED
    assert machine.running() == []
    assert station.clock.now() - began <= 15
    assert len(station.said(kind="terminal")) == 1


def test_a_cancel_after_the_push_is_too_late_and_the_release_follows(station):
    station.train()
    station.until_step("prepare").play("prepare")
    station.until_step("repro").play("repro")
    machine = station.until_step("publish")
    machine.decide(machine.current().run_dir, "push")
    station.store.cancel(1, "UALICE")
    station.tick(1)
    machine.play("publish")
    station.until_phase(Phase.RELEASED)
    assert "cancel-too-late" in milestones(station)
    assert station.run().cancelled_by is None


def test_a_queued_run_that_is_cancelled_says_so_once(station):
    station.train(tag="v1")
    station.train(tag="v2")
    station.until_step("prepare", 1)
    station.store.cancel(2, "UALICE")
    station.tick(6)
    assert station.run(2).phase is Phase.CANCELLED
    assert len(station.said(2, "terminal")) == 1


def test_a_release_whose_answer_was_lost_is_made_once(station):
    station.train()
    for step in ("prepare", "repro", "publish"):
        station.until_step(step).play(step)
    station.code.errors = [Unavailable("connection reset")] * 3
    station.until_phase(Phase.RELEASED)
    assert len(station.code.releases) == 1


def test_a_different_release_of_the_tag_is_a_loud_failure(station):
    station.train()
    for step in ("prepare", "repro", "publish"):
        station.until_step(step).play(step)
    station.code.release_errors = [Conflict("another release of v1.0.0 exists")]
    assert station.until_phase(Phase.FAILED).reason is Reason.RELEASE_CONFLICT
    assert len(station.said(kind="terminal")) == 1


def test_a_public_link_that_answers_403_is_a_failure(station):
    station.public.errors = [Unauthorised("the public may not read it")]
    station.train()
    for step in ("prepare", "repro", "publish"):
        station.until_step(step).play(step)
    assert station.until_phase(Phase.FAILED).reason is Reason.PUBLIC_LINK
    assert station.code.releases == {}


def test_the_location_is_free_while_the_release_is_written(station):
    station.train(tag="v1")
    station.train(tag="v2")
    for step in ("prepare", "repro", "publish"):
        station.until_step(step, 1).play(step)
    station.public.errors = [Unavailable("S3 is away")] * 50
    station.until_step("prepare", 2)
    assert station.run(1).phase is Phase.RELEASING


def test_the_same_model_is_said_to_be_the_same(station):
    station.train(tag="v1")
    station.train_to_release(1)
    station.train(tag="v2")
    station.train_to_release(2)
    terminal = json.loads(station.said(2, "terminal")[0]["data"])
    assert terminal["same_as"] == "v1"
    assert "**v1**" in station.code.releases["v2"].description


def test_a_defect_in_one_run_ends_that_run_and_no_other(station):
    station.machines["alice"].fail("launch", ZeroDivisionError("ours"), times=99)
    station.train(tag="v1")
    station.train(tag="v2", user="UBOB")
    station.train_to_release(2)
    assert station.until_phase(Phase.FAILED, 1).reason is Reason.INTERNAL


def test_an_older_reservation_changes_nothing(station):
    station.train()
    station.until_phase(Phase.STARTING)
    station.machines["alice"].fence = station.run().fence + 1
    assert station.until_phase(Phase.FAILED).reason is Reason.FENCED


def test_what_happened_can_be_replayed_from_the_journal_and_it_cannot_be_changed(station):
    station.train()
    station.train_to_release()
    deeds = [entry["deed"] for entry in station.store.journal.of_run(1)]
    assert deeds == [
        "train", "reserve", "preparing", "training", "publishing", "releasing", "give-back", "released",
    ]  # fmt: skip
    with pytest.raises(Exception, match="append-only"), station.store._database.write() as connection:
        connection.execute("DELETE FROM journal")


def test_a_defect_of_ours_in_the_check_of_a_command_is_tried_again_and_then_said(station):
    station.code.errors = [RuntimeError("a defect"), RuntimeError("again")]
    station.train()
    station.until(lambda: station.store.run(1) is not None)
    station.code.errors = [RuntimeError("for ever")] * 9
    station.train("feature/mobilenet", "v2.0.0", user="UBOB")
    station.until(lambda: bool(whispers(station)), limit=60)
    assert "Nothing was started. Something inside Stationmaster failed" in whispers(station)[0]
    assert station.store.run_of_tag("team/fruits", "v2.0.0") is None


def test_a_result_that_the_training_claims_itself_is_not_believed(station):
    station.train()
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    machine.publish(commit="f" * 40, merge_request_url="http://elsewhere.test")
    machine.play("repro")
    station.until_step("publish").play("publish")
    run = station.until_phase(Phase.RELEASED)
    assert run.result["commit"] == "c" * 40
    assert "merge_request_url" not in run.result


def test_a_job_whose_launch_was_not_heard_of_is_ended_with_its_run(station):
    machine = station.machines["alice"]
    machine.fail("launched", Unavailable("the answer was lost"))
    station.train()
    station.until(lambda: bool(machine.running()), step=0.1)
    assert "launched" not in station.run().progress
    station.store.cancel(1, "UALICE")
    station.until(lambda: not station.run().holds, limit=15)
    assert machine.running() == []


def test_a_second_try_of_a_release_says_the_same_although_others_were_released_meanwhile(station):
    station.train(tag="v1")
    station.train(tag="v2", user="UBOB")
    for step in ("prepare", "repro"):
        for number in (1, 2):
            station.until_step(step, number).play(step)
    station.until_step("publish", 1)
    station.until_step("publish", 2)
    station.code.release_errors = [Unavailable("GitLab is away")]
    station.machines["alice"].play("publish")
    station.until(lambda: not station.code.release_errors, limit=10, step=0.1)
    station.machines["bob"].play("publish")
    station.until(lambda: "v2" in station.code.releases, limit=10, step=0.1)
    assert "v1" not in station.code.releases
    station.until_phase(Phase.RELEASED, 1)
    assert json.loads(station.said(1, "terminal")[0]["data"])["same_as"] is None
