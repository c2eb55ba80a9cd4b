"""The two README commands, as a newcomer runs them: `stationmaster demo`, with and without `--once`."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from bot.sandbox.claim import Claim
from bot.sandbox.drawings import draw_fruits
from tests.scenario import as_written

pytestmark = [pytest.mark.timeout(900)]

MINUTE = 60
SCORE = as_written.ROOT / "trainer/pipeline/score.py"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One folder for all: the demo goes on where it was."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def port():
    """Three free ones in a row begin here, or the demo finds others."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stationmaster(*words):
    return [sys.executable, "-m", "bot", *map(str, words)]


@pytest.fixture(scope="module")
def once(home, port):
    """Type one command: exit status, and what was printed."""

    def run(command, *more, timeout=3 * MINUTE):
        argv = stationmaster("demo", "--home", home, "--port", port, "--once", command, *more)
        done = subprocess.run(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False
        )
        return done.returncode, done.stdout

    return run


@pytest.fixture(scope="class")
def demo(home, port):
    """A demo that runs until Ctrl-C, beside what a class of tests does."""
    log = home.parent / "demo-output.txt"
    with log.open("w") as out:
        process = subprocess.Popen(
            stationmaster("demo", "--home", home, "--port", port), stdout=out, stderr=subprocess.STDOUT
        )
    running = Running(process, log)
    running.wait_for("The demo is running")
    yield running
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=MINUTE)


class Running:
    """A demo in the background."""

    def __init__(self, process, log):
        self.process, self.log = process, log

    @property
    def output(self):
        return self.log.read_text()

    def wait_for(self, words):
        deadline = time.monotonic() + 2 * MINUTE
        while words not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)


def test_a_command_is_answered_without_a_browser(once):
    status, printed = once("/locations")
    assert status == 0, printed
    assert "alice in #training: /locations" in printed
    assert "alice" in printed.split("/locations")[1]


def test_images_that_are_none_are_refused_before_anything_is_made(tmp_path, port):
    argv = stationmaster("demo", "--home", tmp_path / "demo", "--port", port, "--data", tmp_path)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=MINUTE, check=False)
    assert done.returncode == 1
    assert "has no folder `Training`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("demo")
class TestWhileADemoRuns:
    """The last one ends it."""

    def test_it_has_said_where_its_page_is_and_what_to_type(self, demo):
        assert re.search(r"http://127\.0\.0\.1:\d+", demo.output)
        assert "/train main v1.0.0" in demo.output

    def test_a_second_one_says_so_and_changes_nothing(self, demo, home, port):
        argv = stationmaster("demo", "--home", home, "--port", port)
        for words in ((), ("--fresh",)):
            second = subprocess.run([*argv, *words], capture_output=True, text=True, timeout=MINUTE, check=False)
            assert second.returncode == 1
            assert "is running" in second.stderr
        assert demo.process.poll() is None

    def test_once_uses_it(self, demo, once):
        status, printed = once("/train-help")
        assert status == 0, printed
        assert "Using the demo that is running" in printed
        assert demo.process.poll() is None

    def test_a_bot_that_is_killed_is_back_before_anybody_notices(self, demo, home, once):
        os.kill(int((home / "bot.pid").read_text()), signal.SIGKILL)
        demo.wait_for("The bot ended (killed by signal 9); starting it again.")
        status, printed = once("/locations")
        assert status == 0, printed
        assert "alice" in printed.split("/locations")[1]

    def test_the_sandbox_prints_its_environment_for_serve(self, home):
        argv = stationmaster("sandbox", "--home", home)
        beside = subprocess.run(argv, capture_output=True, text=True, timeout=MINUTE, check=False)
        assert beside.returncode == 0
        assert all(line.startswith("export ") for line in beside.stdout.splitlines())
        script = f'{beside.stdout}\nprintf %s "$TRAIN_INSTANCE_FOR_USER"'
        shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
        assert json.loads(shell.stdout)["alice@example.com"].startswith("i-")

    def test_an_unknown_branch_is_refused_with_the_nearest_name(self, once):
        status, printed = once("/train man v2.0.0")
        assert status == 2, printed
        assert "Did you mean `main`?" in printed

    def test_a_command_that_opens_a_form_is_refused_with_an_example(self, once):
        status, printed = once("/train main")
        assert status == 2, printed
        assert "/train main v1.0.0" in printed.split("opens a form")[1]

    def test_what_is_no_command_is_refused(self, once):
        assert once("hello")[0] == 2
        assert once("/nothing")[0] == 2

    def test_ctrl_c_ends_it_and_everything_that_it_started(self, demo, home):
        bot = int((home / "bot.pid").read_text())
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(timeout=MINUTE) == 0
        assert "The demo has ended." in demo.output
        assert "Traceback" not in demo.output
        with pytest.raises(ProcessLookupError):
            os.kill(bot, 0)
        Claim(home).release()


@pytest.mark.training
class TestATraining:
    """In this order: each goes on from what the one before it left."""

    def test_a_branch_becomes_a_release(self, once):
        status, printed = once("/train main v1.0.0", timeout=8 * MINUTE)
        assert status == 0, printed
        for stage in ("prepare", "train", "evaluate", "export"):
            assert re.search(rf"thread +Stage \d of 4, `{stage}`, finished", printed), printed
        assert printed.count("v1.0.0 is released.") == 1
        assert "Checked: anybody can fetch train.dvc" in printed

    @pytest.mark.usefixtures("demo")
    @pytest.mark.parametrize("way", ["dvc get", "dvc pull", "direct link"])
    def test_the_readme_brings_the_model_out_of_the_release(self, home, tmp_path, way):
        login, *ways, scoring = as_written.blocks("README.md", "Use a model", "sh")
        steps = dict(zip(["dvc get", "dvc pull", "direct link"], ways, strict=True))[way]
        folder = tmp_path / "application"
        folder.mkdir()
        as_written.run(login + steps, folder, ports=as_written.ports(home))
        if way != "dvc get":  # which brings it out of the project's repository
            shutil.copy(SCORE, folder)
        assert (folder / "score.py").read_bytes() == SCORE.read_bytes()
        draw_fruits(tmp_path / "fruits")
        shutil.copy(next((tmp_path / "fruits/Test/Banana").iterdir()), folder / "apple.jpg")
        name, label, probability = as_written.run(scoring, folder).rstrip("\n").split("\t")
        assert (name, label) == ("apple.jpg", "Banana")
        assert 0 < float(probability) <= 1
        programs = ("In a program", "In another language")
        for (program,) in (as_written.blocks("docs/USING-A-MODEL.md", heading, "python") for heading in programs):
            label, likely, *_ = as_written.run(program, folder, language="python").split()
            assert (label, float(likely)) == ("Banana", pytest.approx(float(probability), abs=1e-3))

    @pytest.mark.usefixtures("demo")
    def test_its_tag_is_never_overwritten(self, once):
        status, printed = once("/train main v1.0.0")
        assert status == 2, printed
        assert "/train main v1.0.1" in printed

    @pytest.mark.usefixtures("demo")
    def test_nothing_is_started_when_nothing_changed(self, once):
        status, printed = once("/train main v1.0.1")
        assert status == 2, printed
        assert "Nothing changed since `v1.0.0`" in printed
        assert "`/train main v1.0.1 --force`" in printed

    @pytest.mark.usefixtures("demo")
    def test_a_failing_stage_is_named_with_its_cause_and_nothing_is_released(self, once):
        status, printed = once("/train feature/typo v2.0.0", timeout=8 * MINUTE)
        assert status == 1, printed
        assert "failed in the stage `train`" in printed
        assert "`train.learning_rate` must be a number" in printed
        assert "Full log of run" in printed
        assert "Checked: there is no release v2.0.0." in printed


@pytest.mark.training
def test_starting_over_forgets_it_all(once):
    status, printed = once("/runs all", "--fresh")
    assert status == 0, printed
    assert "Forgetting what was in" in printed
    assert "v1.0.1" not in printed
