"""A training that is killed and started again ends as if nothing had happened, bit by bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.packed_images import ROOT, project

EPOCHS = 5
VARIABLE = "STATIONMASTER_CHECKPOINTS"
# The stage, ended by itself at a point that no signal from outside would hit so exactly.
AT_THE_END_OF_AN_EPOCH = """\
import os, signal
from trainer.pipeline import fit

class Log(fit.Log):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        if epoch == 3:
            os.kill(os.getpid(), signal.SIGKILL)

fit.Log = Log
fit.main()
"""
WHILE_THE_FILE_IS_WRITTEN = """\
import os, signal
from trainer.pipeline import checkpoint, fit

def fsync(file):
    sync(file)
    kept.append(file)
    if len(kept) == 2:
        os.kill(os.getpid(), signal.SIGTERM)

kept, sync, checkpoint.os.fsync = [], os.fsync, fsync
fit.main()
"""

pytestmark = [pytest.mark.training, pytest.mark.timeout(900)]


class Training:
    """The stage `train` in a folder of its own, with everything switched on that an interruption could disturb."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        knobs = {"augment": True, "class_weights": True, "warmup_epochs": 1, "patience": EPOCHS, "dropout": 0.5}
        self.folder = project(folder, epochs=EPOCHS, filters=4, **knobs)
        self.checkpoints = folder / "checkpoints"

    def run(self, *, status: int = 0, code: str = "") -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, *(("-c", code) if code else ("-m", "trainer.pipeline.fit"))],
            cwd=self.folder,
            env={**environment, VARIABLE: str(self.checkpoints)},
            text=True,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def results(self) -> dict[str, bytes]:
        logs = [path for path in (self.folder / "dvclive").rglob("*") if path.is_file()]
        files = [*logs, self.folder / "model.keras"]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}

    def forget_results(self) -> None:
        """As DVC does before it runs a stage."""
        for path in sorted((self.folder / "dvclive").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> dict[str, bytes]:
    training = Training(tmp_path_factory.mktemp("whole") / "fruits")
    training.run()
    return training.results()


def epochs_in(output: str) -> list[str]:
    return [line.removeprefix("Epoch ") for line in output.splitlines() if line.startswith("Epoch ")]


def test_a_power_cut_before_the_fourth_epoch_is_kept_costs_that_epoch_and_changes_no_bit(uninterrupted, tmp_path):
    training = Training(tmp_path / "fruits")
    assert epochs_in(training.run(status=-signal.SIGKILL, code=AT_THE_END_OF_AN_EPOCH))[-1] == "4/5"
    training.forget_results()
    output = training.run()
    assert "Going on after epoch 3 of 5" in output
    assert epochs_in(output) == ["4/5", "5/5"]
    assert training.results() == uninterrupted


def test_a_spot_notice_lets_the_epoch_be_kept_and_changes_no_bit(uninterrupted, tmp_path):
    training = Training(tmp_path / "fruits")
    assert epochs_in(training.run(status=-signal.SIGTERM, code=WHILE_THE_FILE_IS_WRITTEN)) == ["1/5", "2/5"]
    training.forget_results()
    assert epochs_in(training.run()) == ["3/5", "4/5", "5/5"]
    assert training.results() == uninterrupted
