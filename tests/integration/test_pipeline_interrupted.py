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

pytestmark = [pytest.mark.training, pytest.mark.timeout(300)]


class Training:
    """The stage `train` in a folder of its own, with everything switched on that an interruption could disturb."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        knobs = {"augment": True, "class_weights": True, "warmup_epochs": 1, "patience": EPOCHS, "dropout": 0.5}
        self.folder = project(folder, epochs=EPOCHS, filters=4, **knobs)
        self.checkpoints = folder / "checkpoints"

    def start(self) -> subprocess.Popen:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            [sys.executable, "-m", "trainer.pipeline.fit"],
            cwd=self.folder,
            env={**environment, VARIABLE: str(self.checkpoints)},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def finish(self) -> str:
        process = self.start()
        output, _ = process.communicate()
        assert process.returncode == 0, output
        return output

    def end_in_epoch(self, epoch: int, number: int) -> None:
        process = self.start()
        seen = []
        for line in process.stdout:
            seen.append(line)
            if line == f"Epoch {epoch}/{EPOCHS}\n":
                process.send_signal(number)
        assert process.wait() == -number, "".join(seen)
        process.stdout.close()

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
    training.finish()
    return training.results()


def test_a_power_cut_in_the_fourth_epoch_costs_that_epoch_and_changes_no_bit(uninterrupted, tmp_path):
    training = Training(tmp_path / "fruits")
    training.end_in_epoch(4, signal.SIGKILL)
    training.forget_results()
    output = training.finish()
    # The fourth may have ended before the signal came.
    begun = [line for line in output.splitlines() if line.startswith("Epoch ")]
    assert begun in ([f"Epoch 4/{EPOCHS}", f"Epoch 5/{EPOCHS}"], [f"Epoch 5/{EPOCHS}"], [])
    assert "where this training was interrupted" in output
    assert training.results() == uninterrupted


def test_a_spot_notice_and_a_damaged_file_change_no_bit_either(uninterrupted, tmp_path):
    training = Training(tmp_path / "fruits")
    training.end_in_epoch(2, signal.SIGTERM)
    training.forget_results()
    (kept,) = training.checkpoints.glob("*.npz")
    kept.write_bytes(kept.read_bytes()[:-100])
    output = training.finish()
    assert f"Epoch 1/{EPOCHS}" in output
    assert training.results() == uninterrupted
