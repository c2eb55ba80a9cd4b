"""The branch's own image in the engine: made when its inputs changed, and only then; `/build-image` does no more."""

import json

import pytest

from bot.errors import NotFound, Unauthorised, Unavailable
from bot.runs.model import Phase, Reason
from tests.doubles.station import Station

IMAGE = "registry.test/ml/team/fruits"
FIRST, SECOND = "1" * 64, "9" * 64


@pytest.fixture
def station(tmp_path):
    return Station(tmp_path, builds=True)


def steps(station):
    return [job.step for machine in station.machines.values() for job in machine.jobs.values()]


def milestones(station, number=1):
    return [json.loads(row["data"]) for row in station.said(number, "milestone")]


def said_of_images(station, number=1):
    return [data for data in milestones(station, number) if data["what"].startswith("image")]


def until_build(station, number=1):
    station.until_step("prepare", number).play("prepare")
    return station.until_step("build", number)


def train(station, number=1, *, build=True):
    """A run that goes well, with a build or without one."""
    station.until_step("prepare", number).play("prepare")
    if build:
        station.until_step("build", number).play("build")
    station.until_step("repro", number).play("repro")
    station.until_step("publish", number).play("publish")
    return station.until_phase(Phase.RELEASED, number)


def order_of(station, step, number=1):
    name = f"run-{station.run(number).uid}-{step}"
    return next(job for machine in station.machines.values() for job in machine.jobs.values() if name in job.name)


def test_a_branch_with_an_image_of_its_own_is_built_first_and_trains_in_it_by_digest(station):
    station.train()
    run = train(station)
    assert steps(station) == ["prepare", "build", "repro", "publish"]
    assert order_of(station, "repro").spec["image"] == f"{IMAGE}@sha256:{FIRST}"
    assert "image" not in order_of(station, "publish").spec
    assert Phase.BUILDING in run.times


def test_the_build_is_told_name_inputs_and_registry(station):
    station.train("feature/mobilenet")
    build = until_build(station).current().spec["build"]
    assert build["name"].startswith(f"{IMAGE}:train_feature-mobilenet-")
    assert (build["inputs"], build["registry"], build["arguments"]) == (FIRST, "registry.test", [])


def test_the_thread_hears_of_a_build_and_how_it_ended(station):
    station.train()
    machine = until_build(station)
    machine.emit("image", state="building")
    station.tick(180)
    assert [data["what"] for data in said_of_images(station)] == ["image-building"]
    machine.images[FIRST] = "registry.test/x@sha256:1"
    machine.emit("image", state="pushed")
    machine.finish()
    station.until_step("repro")
    ready = said_of_images(station)[-1]
    assert (ready["what"], ready["state"], ready["name"].partition(":")[0]) == ("image-ready", "pushed", IMAGE)
    assert ready["seconds"] >= 180


def test_when_nothing_changed_nothing_is_built_and_nothing_is_said_of_it(station):
    station.train(tag="v1")
    train(station, 1)
    station.train(tag="v2")
    run = train(station, 2, build=False)
    assert steps(station).count("build") == 1
    assert said_of_images(station, 2) == []
    assert order_of(station, "repro", 2).spec["image"] == f"{IMAGE}@sha256:{FIRST}"
    assert run.times[Phase.TRAINING] - run.times[Phase.BUILDING] < 1


def test_changed_inputs_are_built_and_the_thread_hears_which_they_are(station):
    station.train(tag="v1")
    train(station, 1)
    station.machines["alice"].inputs = SECOND
    station.train(tag="v2")
    train(station, 2)
    assert steps(station).count("build") == 2
    assert said_of_images(station, 2)[0]["why"] == ["Dockerfile.train"]
    assert order_of(station, "repro", 2).spec["image"] == f"{IMAGE}@sha256:{SECOND}"


def test_an_image_that_is_known_to_be_another_is_not_pulled_before_the_build(station):
    station.train(tag="v1")
    train(station, 1)
    assert order_of(station, "build", 1).spec["build"]["pull"] is True
    station.machines["alice"].inputs = SECOND
    station.train(tag="v2")
    train(station, 2)
    assert order_of(station, "build", 2).spec["build"]["pull"] is False
    station.machines["bob"].inputs = SECOND
    station.train(tag="v3", user="UBOB")
    train(station, 3)
    assert order_of(station, "build", 3).spec["build"]["pull"] is True


@pytest.mark.parametrize(
    "line",
    [
        "STEP 3/9: RUN pip install .",
        "[2/2] STEP 3/9: RUN pip install .",
        "Step 3/9 : RUN pip install .",
        "#8 [3/9] RUN pip install .",
        "#8 [builder 3/9] RUN pip install .",
    ],
)
def test_a_build_says_which_step_of_the_dockerfile_it_has_come_to(station, line):
    station.train()
    station.until_step("prepare").play("prepare")
    machine = station.until_step("build")
    machine.emit("image", state="building")
    machine.log(f"STEP 1/9: FROM debian\n{line}\nCollecting step 4/5: x\n")
    station.until(lambda: station.run().progress["image"].get("step") == [3, 9], limit=10)


def test_a_branch_without_an_image_of_its_own_trains_in_the_location_s(station):
    station.machines["alice"].inputs = None
    station.train()
    run = train(station, build=False)
    assert "image" not in order_of(station, "repro").spec
    assert Phase.BUILDING not in run.times


def test_where_jobs_are_no_containers_nobody_looks_for_a_dockerfile(tmp_path):
    station = Station(tmp_path)
    station.train()
    train(station, build=False)
    assert order_of(station, "prepare").spec["build_arguments"] is None


def test_a_build_that_fails_ends_the_run_with_its_last_lines_and_what_to_do(station):
    station.train()
    machine = until_build(station)
    machine.emit("image", state="building")
    machine.log("Step 2/3 : RUN pip install\nERROR: No matching distribution found for tensorflov\n")
    machine.finish(20)
    run = station.until_phase(Phase.FAILED)
    assert (run.reason, run.detail["step"]) == (Reason.IMAGE, "build")
    assert run.detail["lines"][-1] == "ERROR: No matching distribution found for tensorflov"
    station.until(lambda: not station.run().holds, limit=10)
    assert [row["kind"] for row in station.said()][-2:] == ["terminal", "log-file"]
    assert steps(station) == ["prepare", "build"]


@pytest.mark.parametrize(
    ("code", "line", "reason", "tries"),
    [(20, "write /layer.tar: no space left on device", Reason.DISK_FULL, 1), (24, "", Reason.INTERNAL, 3)],
)
def test_a_build_that_the_machine_itself_kept_from_ending_is_told_apart(station, code, line, reason, tries):
    station.train()
    station.until_step("prepare").play("prepare")
    for _ in range(tries):
        machine = station.until_step("build")
        machine.log(f"{line}\n")
        machine.finish(code)
    assert station.until_phase(Phase.FAILED).reason is reason


def test_a_registry_login_that_ended_meanwhile_is_made_anew_once(station):
    station.train()
    until_build(station).finish(21)
    station.until_step("build").play("build")
    station.until_step("repro")
    assert [job.name[-1] for job in station.machines["alice"].jobs.values() if job.step == "build"] == ["1", "2"]


def test_a_registry_that_refuses_every_login_is_not_asked_a_third_time(station):
    station.train()
    until_build(station).finish(21)
    station.tick(1)
    station.until_step("build").finish(21)
    run = station.until_phase(Phase.FAILED)
    assert run.reason is Reason.CREDENTIALS
    assert "REGISTRY_PASSWORD" in run.detail["message"]
    assert steps(station).count("build") == 2


def test_a_registry_without_the_repository_is_named_with_what_to_do(station):
    station.train()
    until_build(station).finish(22)
    run = station.until_phase(Phase.FAILED)
    assert run.reason is Reason.IMAGE
    assert f"no repository {IMAGE}" in run.detail["message"]


def test_a_registry_that_is_away_is_tried_again(station):
    station.train()
    until_build(station).finish(23)
    station.until_step("build").play("build")
    station.until_step("repro")
    assert any(data["what"] == "retrying" and data["step"] == "build" for data in milestones(station))


def test_aws_that_gives_no_login_ends_the_run_with_its_words(station):
    station.train()
    station.until_step("prepare").play("prepare")
    station.machines["alice"].fail("launch", Unauthorised("no ecr:GetAuthorizationToken"))
    run = station.until_phase(Phase.FAILED)
    assert (run.reason, run.detail["message"]) == (Reason.CREDENTIALS, "no ecr:GetAuthorizationToken")


def test_a_cancel_ends_the_build_and_frees_the_machine(station):
    station.train()
    machine = until_build(station)
    station.store.cancel(1, "UALICE")
    station.until(lambda: not station.run().holds, limit=15)
    assert station.run().phase is Phase.CANCELLED
    assert machine.running() == []


def test_a_build_that_never_ends_is_ended(tmp_path):
    station = Station(tmp_path, builds=True, max_hours=1)
    station.train()
    machine = until_build(station)
    assert station.until_phase(Phase.FAILED).reason is Reason.TOO_LONG
    station.until(lambda: not station.run().holds, limit=30)
    assert machine.running() == []


def test_a_machine_that_hiccups_while_its_image_is_looked_for_changes_nothing(station):
    station.machines["alice"].fail("image", Unavailable("connection reset"), times=4)
    station.train()
    train(station)
    assert steps(station) == ["prepare", "build", "repro", "publish"]


def test_an_image_that_cannot_run_a_step_is_the_branch_s_to_mend(station):
    station.train()
    until_build(station).play("build")
    station.machines["alice"].fail("launch", NotFound("it cannot run a step: no python. See Dockerfile.train."))
    run = station.until_phase(Phase.FAILED)
    assert (run.reason, run.detail["message"]) == (
        Reason.IMAGE,
        "it cannot run a step: no python. See Dockerfile.train.",
    )


def test_what_a_training_writes_about_images_is_not_believed(station):
    station.train()
    until_build(station).play("build")
    machine = station.until_step("repro")
    machine.emit("image", name="evil.test/image", inputs="0", parts={})
    machine.play("repro")
    machine = station.until_step("publish")
    assert station.run().progress["image"]["name"] == f"{IMAGE}@sha256:{FIRST}"


def test_a_bot_that_dies_during_a_build_hears_it_to_its_end(station):
    station.train()
    machine = until_build(station)
    station.boot()
    station.tick(5)
    assert machine.running()
    machine.play("build")
    station.until_step("repro").play("repro")
    station.until_step("publish").play("publish")
    station.until_phase(Phase.RELEASED)
    assert steps(station) == ["prepare", "build", "repro", "publish"]


# /build-image


def test_build_image_ends_with_the_image_by_digest_and_trains_nothing(station):
    station.build_image()
    until_build(station).play("build")
    run = station.until_phase(Phase.BUILT)
    assert run.result["image"] == f"{IMAGE}@sha256:{FIRST}"
    assert run.result["image_name"] == f"{IMAGE}:{run.tag}"
    assert run.tag.startswith("train_main-")
    assert steps(station) == ["prepare", "build"]
    station.until(lambda: not station.run().holds, limit=10)
    assert [row["kind"] for row in station.said() if row["kind"] != "milestone"] == ["card", "terminal", "log-file"]
    assert station.code.releases == {}
    assert [data["what"] for data in milestones(station)] == ["machine-starting", "machine-ready", "image-building",
                                                              "image-ready"]  # fmt: skip


def test_prepare_is_told_that_only_an_image_is_wanted(station):
    station.build_image()
    assert station.until_step("prepare").current().spec["kind"] == "build"


def test_build_image_of_what_is_there_builds_nothing(station):
    station.machines["alice"].images[FIRST] = f"{IMAGE}@sha256:{FIRST}"
    station.build_image()
    station.until_step("prepare").play("prepare")
    run = station.until_phase(Phase.BUILT)
    assert run.result["image"] == f"{IMAGE}@sha256:{FIRST}"
    assert steps(station) == ["prepare"]


def test_build_image_of_a_branch_without_a_dockerfile_says_so(station):
    station.machines["alice"].inputs = None
    station.build_image()
    station.until_step("prepare").play("prepare")
    run = station.until_phase(Phase.FAILED)
    assert run.reason is Reason.IMAGE
    assert "has no Dockerfile.train" in run.detail["message"]


def test_the_machine_idles_after_a_build_as_after_any_run(tmp_path):
    station = Station(tmp_path, builds=True, idle_seconds=60)
    station.build_image()
    until_build(station).play("build")
    station.until(lambda: station.run().phase is Phase.BUILT and not station.run().holds)
    station.upkeep(30)
    assert station.machines["alice"].stops == 0
    station.upkeep(40)
    assert station.machines["alice"].stops == 1


def test_a_build_waits_for_its_turn_like_a_training(station):
    station.train()
    station.build_image("feature/mobilenet")
    station.until_step("prepare", 1)
    station.tick(10)
    assert station.run(2).phase is Phase.QUEUED
    station.store.cancel(1, "UALICE")
    station.until_step("prepare", 2)


@pytest.mark.parametrize(
    ("branch", "user", "said"),
    [
        ("mian", "UALICE", "Did you mean `main`"),
        ("main", "UEVE", "no training machine for `eve@example.com`"),
    ],
)
def test_build_image_is_refused_with_what_to_do(station, branch, user, said):
    station.build_image(branch, user=user)
    station.tick()
    (whisper,) = station.said(None)
    assert said in whisper["text"]
    assert station.store.runs() == []


def test_build_image_where_jobs_are_no_containers_is_refused(tmp_path):
    station = Station(tmp_path)
    station.build_image()
    station.tick()
    (whisper,) = station.said(None)
    assert "do not run in containers" in whisper["text"]
    assert station.machines["alice"].starts == 0


def test_of_two_builds_of_one_branch_the_second_hears_of_the_first(station):
    station.build_image()
    station.tick()
    station.build_image(user="UBOB")
    station.tick()
    (whisper,) = station.said(None)
    assert "run 1 by <@UALICE> is building the image of `main` already" in whisper["text"]


def test_a_tag_that_an_image_is_called_by_does_not_keep_a_release_from_being_built(station):
    station.code.tags_made = {"v1.0.0": "a" * 40}
    station.build_image()
    until_build(station).play("build")
    station.until_phase(Phase.BUILT)
