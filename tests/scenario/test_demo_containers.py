"""`stationmaster demo --runtime docker`, as a newcomer with Docker runs it; in this order."""

import os
import signal
import subprocess
import sys

import pytest

from tests.scenario.waiting import until

pytestmark = [pytest.mark.timeout(900), pytest.mark.training]
MINUTE = 60


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("demo-in-containers")


@pytest.fixture(scope="module")
def demo(engine, home):
    """Start it with these words; DOCKER_HOST is the tests' engine."""
    engine.training_image()  # the demo's own image is made of the same layers
    environment = {**os.environ, **engine.environment}

    def begin(*words):
        argv = [sys.executable, "-m", "bot", "demo", "--home", str(home), "--port", "9865", *words]
        return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    return begin


def ended(process):
    """Its exit status and all that it said."""
    said, _ = process.communicate(timeout=8 * MINUTE)
    return process.returncode, said


def launched(home, number):
    """The jobs of a run that were containers, and the key that their names hold."""
    (run,) = (home / "bot" / "locations" / "alice" / "runs").glob(f"{number}-*")
    return run.name, sorted(path.name.split("-")[3] for path in (run / "jobs").glob("*.container"))


def test_an_engine_that_does_not_answer_is_said_at_once(tmp_path):
    argv = [sys.executable, "-m", "bot", "demo", "--home", str(tmp_path / "demo"), "--runtime", "docker"]
    environment = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/nothing"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=MINUTE, check=False)
    assert done.returncode == 1
    assert "No docker engine answers: " in done.stderr
    assert "leave --runtime out." in done.stderr


def test_a_branch_is_trained_in_containers_and_released(engine, demo, home):
    build = ("--runtime", "docker", "--build-arg", f"BASE={engine.base()}")
    status, said = ended(demo(*build, "--once", "/train main v1.0.0"))
    assert status == 0, said
    assert "Stage 4 of 4, `export`, finished" in said
    assert said.count("v1.0.0 is released.") == 1
    key, steps = launched(home, 1)
    assert steps == ["prepare", "publish", "repro"]
    assert not [name for name in engine.running() if key in name]


def test_the_next_start_goes_on_in_containers_with_the_image_that_is_there(demo, home):
    status, said = ended(demo("--once", "/train main v1.0.1 --force"))
    assert status == 0, said
    assert "Building the image that trains" not in said
    assert "Stage 4 of 4, `export`, finished" in said
    assert launched(home, 2)[1] == ["prepare", "publish", "repro"]


def test_starting_over_ends_the_containers_that_still_run(engine, demo, home):
    running = demo("--once", "/train feature/wider v1.1.0")
    until(lambda: list(home.glob("bot/locations/alice/runs/3-*/jobs/*-repro-*.container")), "it trains", 3 * MINUTE)
    running.send_signal(signal.SIGINT)
    assert ended(running)[0] == 130
    key, _ = launched(home, 3)
    assert [name for name in engine.running() if key in name]
    status, said = ended(demo("--runtime", "process", "--once", "/runs"))
    assert status == 1
    assert "has not ended where it was begun. Go on with --runtime docker, or start over with --fresh." in said
    status, said = ended(demo("--fresh", "--once", "/runs"))
    assert status == 0, said
    assert not [name for name in engine.running() if key in name]
