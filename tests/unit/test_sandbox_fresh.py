"""Starting over removes what a demo made, and nothing else."""

import os
import subprocess
import sys

from bot.sandbox.fresh import start_over
from trainer import durable
from trainer.job import processes


def test_what_the_demo_made_goes_and_what_is_somebodys_own_stays(tmp_path):
    home = tmp_path / "demo"
    for name in ("aws/objects/1", "bot/ledger.sqlite", "gitlab/gitlab.db", "slack/slack.db", "mine/notes.txt"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("x")
    (home / "thesis.tex").write_text("x")
    said = []
    start_over(home, said.append)
    assert sorted(path.name for path in home.iterdir()) == ["mine", "thesis.tex"]
    assert said == [f"Forgetting what was in {home}."]


def test_a_folder_without_a_demo_is_left_as_it_is(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    said = []
    start_over(tmp_path, said.append)
    assert (tmp_path / "thesis.tex").exists()
    assert said == []


def test_a_link_out_of_the_folder_is_removed_and_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    home = tmp_path / "demo"
    home.mkdir()
    (home / "aws").symlink_to(outside)
    start_over(home, lambda _: None)
    assert (outside / "precious").exists()
    assert not (home / "aws").exists()


def test_a_training_that_still_runs_is_ended_first(tmp_path):
    job = tmp_path / "bot" / "locations" / "alice" / "runs" / "1-abc" / "jobs" / "run-1-abc-repro-1"
    job.mkdir(parents=True)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    durable.write_json(job / "supervisor.json", processes.identity(gone.pid))
    gone.wait()
    training = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env={**os.environ, processes.MARK: str(job)}
    )
    start_over(tmp_path, lambda _: None)
    assert training.wait(timeout=20) < 0
    assert not (tmp_path / "bot").exists()
