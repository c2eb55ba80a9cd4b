"""Starting over: what a demo left in its folder is ended and removed, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bot.sandbox import containers, prefix
from bot.sandbox.bot_process import end_leftover
from bot.sandbox.inherited import inherited

MADE_HERE = (
    "addresses.json",
    "aws",
    "bot",
    "bot.log",
    "bot.old.log",
    "bot.pid",
    containers.NOTE,
    prefix.NOTE,
    "gitlab",
    "project",
    "project.json",
    "slack",
)
"""Everything that a demo makes in its folder beside the lock. What else is there is somebody's own and stays."""
KILL_SECONDS = 30.0


def start_over(home: Path, say: Callable[[str], None]) -> None:
    """Forget the demo in `home`, whose lock the caller holds. Trainings that still run there are ended first."""
    there = [home / name for name in MADE_HERE if (home / name).exists()]
    if not there:
        return
    end_leftover(home / "bot.pid")
    for run_dir, job in _jobs(home.resolve() / "bot" / "locations"):
        _kill(run_dir, job)
    say(f"Forgetting what was in {home}.")
    for path in there:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def _jobs(locations: Path) -> list[tuple[Path, str]]:
    """Run folder and name of each job that has not ended."""
    folders = sorted(locations.glob("*/runs/*/jobs/*/"))
    ends = ("exit.json", "../{}.exit.json")  # of a process, and of a container
    return [
        (folder.parents[1], folder.name)
        for folder in folders
        if not any((folder / end.format(folder.name)).exists() for end in ends)
    ]


def _kill(run_dir: Path, job: str) -> None:
    if (run_dir / "jobs" / f"{job}.container").exists():
        containers.end(job)
        return
    argv = [sys.executable, "-P", "-m", "trainer.jobs", "kill", "--run-dir", str(run_dir), "--job", job]
    subprocess.run(argv, env=inherited(), capture_output=True, timeout=KILL_SECONDS, check=False)
