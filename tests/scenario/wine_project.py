"""Somebody's own project: wines told apart with scikit-learn, by people who have never seen the example's code.

Its files lie in tests/scenario/wine; the data is what scikit-learn brings along.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bot.sandbox.checkout import Checkout

ALICE = "Alice Archer <alice@example.com>"
FILES = Path(__file__).parent / "wine"
PROJECT = "team/wine"


class WineProject:
    """Alice's clone of it."""

    def __init__(self, world):
        self._world = world
        self.hosted = world.gitlab.create_project(PROJECT)
        cloud = {name: value for name, value in world.environment().items() if name.startswith("AWS_")}
        self.checkout = Checkout(world.home / "wine" / "alice", token="sandbox-alices-token", storage=cloud)
        self.folder = self.checkout.folder

    def make(self):
        """As a team has it before it hears of Stationmaster: committed, pushed, never trained by anybody."""
        shutil.copytree(FILES, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / "gitignore").rename(self.folder / ".gitignore")
        brought = Path(importlib.util.find_spec("sklearn").submodule_search_locations[0])
        (self.folder / "data").mkdir()
        shutil.copy(brought / "datasets/data/wine_data.csv", self.folder / "data/wine.csv")
        self.checkout.git("init", "--quiet", "--initial-branch=main")
        self.checkout.dvc(["init", "--quiet"], *self.remote(), ["add", "--quiet", "data/wine.csv"], ["push", "--quiet"])
        self.checkout.git("remote", "add", "origin", self.hosted.git_url)
        self.commit("Tell wines apart")
        return self

    def remote(self):
        """The commands that name the team's storage."""
        return (
            ["remote", "add", "--quiet", "--default", "storage", f"s3://{self._world.aws.data_bucket}"],
            ["remote", "modify", "--quiet", "storage", "endpointurl", self._world.aws.url],
        )

    def commit(self, message):
        """Commit everything, and push."""
        self.checkout.git("add", "--all")
        self.checkout.git("commit", "--quiet", f"--message={message}", author=ALICE)
        self.checkout.git("push", "--quiet", "--set-upstream", "origin", "main")

    def pull(self):
        """What the bot has pushed meanwhile."""
        self.checkout.git("pull", "--quiet", "--ff-only")

    def init(self, *words):
        """Type `stationmaster init` there: exit status, and what it says."""
        cloud = {name: value for name, value in self._world.environment().items() if name.startswith("AWS_")}
        own = {
            f"DVC_{name}_DIR": str(self.folder.parent / "dvc")
            for name in ("GLOBAL_CONFIG", "SYSTEM_CONFIG", "SITE_CACHE")
        }
        done = subprocess.run(
            [sys.executable, "-P", "-m", "bot", "init", *words],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder.parent), "DVC_NO_ANALYTICS": "1", **own, **cloud},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def show(self, revision, path):
        """A file of a commit, as text; None where it is not."""
        content = self.hosted.git.file(self.hosted.git.resolve(revision), path)
        return None if content is None else content.decode()

    def metrics(self, revision):
        """What a commit says of its model."""
        return json.loads(self.show(revision, "metrics.json"))


def score(model, rows):
    """The share of rows of a CSV file that a pickled model gets right, as an application would use it."""
    code = (
        "import pickle, sys, numpy; rows = numpy.loadtxt(sys.argv[2], delimiter=','); "
        "model = pickle.load(open(sys.argv[1], 'rb')); print((model.predict(rows[:, :-1]) == rows[:, -1]).mean())"
    )
    argv = [sys.executable, "-c", code, str(model), str(rows)]
    return float(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
