"""The bot dies at every named point of a run and starts again: the run goes on, and nothing is done or said twice."""

import pytest

from bot import crashpoints
from bot.errors import NoCapacity, Unauthorised
from bot.runs.model import Phase, TrainOptions
from tests.doubles.station import Station

ENGINE_POINTS = [
    name
    for name in crashpoints.POINTS
    if not name.startswith(("message-", "failed-", "built-", "tested-", "held-back-", "compar", "request-added"))
]
DECISION_POINTS = ["held-back-before", "held-back-after"]
"""Passed only by who is discarded: a release goes on in `releasing`."""
IMAGE_POINTS = [
    "request-claimed",
    "reserved",
    "building-before",
    "building-after",
    "building-recorded",
    "built-before",
    "built-after",
]


class Crash(BaseException):
    """Not an Exception: nothing in the bot may catch it, as nothing can catch kill -9."""


@pytest.fixture
def dies(monkeypatch):
    """Let the bot die at the n-th passing of a point, by the same environment that a real process obeys."""

    def arm(point, times=1):
        def crash():
            raise Crash(point)

        monkeypatch.setattr(crashpoints, "die", crash)
        monkeypatch.setattr(crashpoints, "_passed", {})
        monkeypatch.setenv("STATIONMASTER_CRASH", f"{point}:{times}")

    return arm


def live(station, crashes):
    """Play a run to its end, with a new bot after each crash."""
    played = set()
    for _ in range(400):
        try:
            station.tick(1)
        except Crash as crash:
            crashes.append(str(crash))
            station.boot()
        for machine in station.machines.values():
            for name in machine.running():
                step = machine.jobs[name].step
                if name not in played:
                    played.add(name)
                    machine.play(step)
        run = station.store.run(1)
        if run is not None and run.phase.ended and not run.holds:
            return run
    raise AssertionError("the run never ended")


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("point", ENGINE_POINTS)
def test_a_run_survives_a_crash(tmp_path, dies, point, times):
    station = Station(tmp_path, builds=True)
    dies(point, times)
    station.train()
    crashes = []
    run = live(station, crashes)
    station.tick(60)
    machine = station.machines["alice"]
    assert run.phase is Phase.RELEASED
    assert [job.step for job in machine.jobs.values()] == ["prepare", "build", "repro", "publish"]
    assert machine.most_at_once == 1
    assert machine.starts == 1
    assert list(station.code.releases) == ["v1.0.0"]
    kinds = [row["kind"] for row in station.said()]
    assert (kinds.count("card"), kinds.count("terminal")) == (1, 1)
    texts = [row["data"] for row in station.said(kind="milestone") if '"what": "stages"' in row["data"]]
    assert len(texts) == 1
    assert crashes or times == 2, "the point was never passed, so this test shows nothing"


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("point", ["starting-before", "starting-after", "starting-recorded"])
def test_a_run_that_goes_to_another_machine_of_its_pool_survives_a_crash(tmp_path, dies, point, times):
    station = Station(tmp_path, "gpu-1", "gpu-2", pools={"gpus": ("gpu-1", "gpu-2")})
    station.machines["gpu-1"].fail("start", NoCapacity("no room"), times=99)
    dies(point, times)
    station.train()
    crashes = []
    run = live(station, crashes)
    station.tick(60)
    assert run.phase is Phase.RELEASED
    reserved = [row["location"] for row in station.store.journal.of_run(1) if row["deed"] == "reserve"]
    assert reserved == ["gpu-1", "gpu-2"]
    assert sum('"what": "moved-on"' in row["data"] for row in station.said()) == 1
    assert [row["kind"] for row in station.said()].count("terminal") == 1
    assert station.store.holder("gpu-1") is None
    assert (station.machines["gpu-2"].starts, station.machines["gpu-2"].most_at_once) == (1, 1)
    assert crashes == [point]


@pytest.mark.parametrize("point", IMAGE_POINTS)
def test_a_run_that_only_makes_an_image_survives_a_crash(tmp_path, dies, point):
    station = Station(tmp_path, builds=True)
    dies(point)
    station.build_image()
    crashes = []
    run = live(station, crashes)
    station.tick(60)
    assert run.phase is Phase.BUILT
    assert [job.step for job in station.machines["alice"].jobs.values()] == ["prepare", "build"]
    kinds = [row["kind"] for row in station.said()]
    assert (kinds.count("card"), kinds.count("terminal")) == (1, 1)
    said = [row["data"] for row in station.said(kind="milestone")]
    assert sum("image-ready" in data for data in said) == sum("image-building" in data for data in said) == 1
    assert crashes == [point]


@pytest.mark.parametrize("point", ["training-after", "tested-before", "tested-after"])
def test_a_smoke_test_survives_a_crash_and_pushes_nothing(tmp_path, dies, point):
    station = Station(tmp_path)
    station.code.files["params.yaml", "a" * 40] = b"train: {epochs: 9}\nsmoke: {train: {epochs: 1}}\n"
    dies(point)
    station.train(tag="smoke-of-main", options=TrainOptions(smoke=True))
    crashes = []
    run = live(station, crashes)
    station.tick(60)
    assert (run.phase, run.holds) == (Phase.TESTED, False)
    assert [job.step for job in station.machines["alice"].jobs.values()] == ["prepare", "repro"]
    kinds = [row["kind"] for row in station.said()]
    assert (kinds.count("card"), kinds.count("terminal")) == (1, 1)
    assert crashes == [point]


@pytest.mark.parametrize("point", ["training-after", "comparing-before", "comparing-after", "comparing-recorded",
                                   "compared-before", "compared-after"])  # fmt: skip
def test_a_reproduction_survives_a_crash_and_publishes_nothing(tmp_path, dies, point):
    station = Station(tmp_path)
    station.code.tags_made["v1.0.0"] = "c" * 40
    station.code.messages["v1.0.0"] = "Model\n\nRun-Uid: 9-abcd\n"
    dies(point)
    station.reproduce("v1.0.0")
    crashes = []
    run = live(station, crashes)
    station.tick(60)
    assert (run.phase, run.holds) == (Phase.COMPARED, False)
    assert [job.step for job in station.machines["alice"].jobs.values()] == ["prepare", "repro", "compare"]
    kinds = [row["kind"] for row in station.said()]
    assert (kinds.count("card"), kinds.count("terminal")) == (1, 1)
    assert crashes == [point]


@pytest.mark.parametrize("point", ["request-claimed", "releasing-before", "releasing-after", "released-recorded"])
def test_a_retry_of_a_release_survives_a_crash_and_needs_no_machine(tmp_path, dies, point):
    station = Station(tmp_path)
    station.train()
    for step in ("prepare", "repro", "publish"):
        station.until_step(step).play(step)
    station.public.errors.append(Unauthorised("nobody may read the bucket"))
    failed = station.until_phase(Phase.FAILED)
    dies(point)
    station.retry(failed)
    for _ in range(3):
        try:
            station.tick(1)
        except Crash:
            station.boot()
    run = station.until_phase(Phase.RELEASED, 2)
    assert run.retry_of == 1
    assert list(station.code.releases) == ["v1.0.0"]
    assert station.machines["alice"].most_at_once == 1
    assert [row["kind"] for row in station.said(2)] == ["card", "terminal"]


@pytest.mark.parametrize("discards", [False, True])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("point", ["releasing-before", "releasing-after", "held-back-recorded", *DECISION_POINTS])
def test_a_result_that_waits_for_a_decision_survives_a_crash(tmp_path, dies, point, times, discards):
    """It is asked for once, and what was decided is done once."""
    station = Station(tmp_path)
    station.gates(b"gates: {accuracy: {least: 0.99}}")
    station.train()
    for step in ("prepare", "repro", "publish"):
        station.until_step(step).play(step)
    dies(point, times)
    crashes = []

    def live_on():
        for _ in range(4):
            try:
                station.tick(1)
            except Crash as crash:
                crashes.append(str(crash))
                station.boot()

    live_on()
    assert station.run().phase is Phase.HELD_BACK
    verdicts = station.store.verdicts
    decided = verdicts.discard(1, user="U1") if discards else verdicts.release(1, user="U1", who="u", reason="r")
    assert decided is not None
    live_on()
    assert station.run().phase is (Phase.CANCELLED if discards else Phase.RELEASED)
    assert list(station.code.releases) == ([] if discards else ["v1.0.0"])
    assert sum('"what": "held-back"' in row["data"] for row in station.said(kind="milestone")) == 1
    assert [row["kind"] for row in station.said()].count("terminal") == 1
    assert crashes or times == 2 or (point in DECISION_POINTS and not discards), "the point was never passed"


@pytest.mark.parametrize("point", ["failed-before", "failed-after"])
def test_a_failure_survives_a_crash_and_is_told_once(tmp_path, dies, point):
    station = Station(tmp_path)
    dies(point)
    station.train()
    station.until_step("prepare").finish(1)
    crashes = []
    for _ in range(120):
        try:
            station.tick(1)
        except Crash as crash:
            crashes.append(str(crash))
            station.boot()
        for machine in station.machines.values():
            if machine.running():
                machine.finish(1)
    run = station.run()
    assert (run.phase, run.holds) == (Phase.FAILED, False)
    assert [row["kind"] for row in station.said()].count("terminal") == 1
    assert crashes == [point]
