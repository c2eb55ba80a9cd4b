"""A git and DVC repository of somebody who does not know Stationmaster yet, and what `init` says about it."""

import os
import subprocess

from trainer.onboarding.__main__ import examine, main
from trainer.onboarding.worktree import open_worktree

CONFIG = "[core]\n    remote = store\n['remote \"store\"']\n    url = {url}\n"
PIPELINE = """\
stages:
  train:
    cmd: python train.py
    deps: [train.py]
    params: [train.epochs]
    outs: [model.bin]
    metrics: [metrics.json]
"""
PARAMS = "train:\n  epochs: 3\n"
_PLAIN = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}


class SomeProject:
    """Files first; `commit` and `push` are what its people do, `init` is what they type."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.write(".dvc/config", CONFIG.format(url="s3://team/data"))
        self.write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
        self.write(".gitignore", "/model.bin\n/metrics.json\n")
        self.write("dvc.yaml", PIPELINE)
        self.write("params.yaml", PARAMS)
        self.write("train.py", "print('trained')\n")

    def git(self, *words):
        who = ("-c", "user.name=Alice", "-c", "user.email=alice@example.com")
        done = subprocess.run(
            ["git", *who, *words], cwd=self.folder, env=_PLAIN, capture_output=True, text=True, check=True
        )
        return done.stdout

    def write(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def read(self, path):
        return (self.folder / path).read_text()

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "A change")

    def push(self):
        """To a bare repository beside it; `origin` from then on."""
        bare = self.folder.with_suffix(".git")
        if not bare.exists():
            self.git("init", "--quiet", "--bare", str(bare))
            self.git("remote", "add", "origin", str(bare))
        self.git("push", "--quiet", "--set-upstream", "origin", "main")

    def findings(self, *, only_check=True):
        """State -> sentences."""
        said = {}
        for finding in examine(open_worktree(self.folder), only_check=only_check):
            said.setdefault(finding.state.value, []).append(finding.sentence)
        return said

    def left(self):
        """All that is to be done, as one text."""
        return "\n".join(self.findings().get("to do", []))

    def init(self, *words):
        """The exit code of the command."""
        return main([*words, "--", str(self.folder)])
