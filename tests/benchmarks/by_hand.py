"""The same work as `/train`, as a person does it on a warm checkout: one command after the other, and waiting for each.

`git fetch`, `dvc pull`, `dvc repro`, `dvc push`, commit, tag, push, copy, release by curl. The copy is one
`put_object` of boto3, which costs about what the AWS command line costs; without curl, Python's urllib takes its place.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

COPY = """
import boto3, sys
boto3.client("s3").put_object(Bucket=sys.argv[1], Key=sys.argv[2], Body=open(sys.argv[3], "rb").read())
"""
POST = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], data=sys.argv[2].encode(), headers={
    "PRIVATE-TOKEN": sys.argv[3], "Content-Type": "application/json"})
urllib.request.urlopen(request).read()
"""


class Hand:
    """A person's own clone, with a DVC cache of its own, on a branch of its own."""

    def __init__(self, folder: Path, environment: dict[str, str], branch: str) -> None:
        self._settings = environment
        self._branch = branch
        self._folder = folder / "checkout"
        host = environment["GITLAB_URL"].removeprefix("http://")
        self._url = f"http://hand:{environment['GITLAB_WRITE_TOKEN']}@{host}/{environment['GITLAB_PROJECT']}.git"
        self._environment = {
            **os.environ,
            **{name: value for name, value in environment.items() if name.startswith("AWS_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DVC_NO_ANALYTICS": "1",
            "DVC_SITE_CACHE_DIR": str(folder / "site"),
            "GIT_AUTHOR_NAME": "Hand",
            "GIT_AUTHOR_EMAIL": "hand@example.com",
            "GIT_COMMITTER_NAME": "Hand",
            "GIT_COMMITTER_EMAIL": "hand@example.com",
        }
        folder.mkdir(parents=True)
        self._run("git", "clone", "--quiet", self._url, str(self._folder), cwd=folder)
        self._run("git", "checkout", "--quiet", "-b", branch)
        self._run("git", "push", "--quiet", "-u", "origin", branch)
        self._run("dvc", "pull", "--quiet", "--allow-missing")

    def change(self, seed: int) -> None:
        """A colleague's commit on the branch: another seed, so that every stage but the first has to run."""
        change_seed(self._folder, self._branch, seed, self._run)

    def train(self, tag: str) -> None:
        """Everything, from the fetch to the release."""
        run = self._run
        run("git", "fetch", "--quiet", "origin")
        run("git", "merge", "--quiet", "--ff-only", f"origin/{self._branch}")
        # Before the first training there are outputs that nobody can pull yet.
        run("dvc", "pull", "--quiet", "--allow-missing")
        run("dvc", "repro", "--quiet")
        run("dvc", "push", "--quiet")
        run("git", "add", "--all")
        if self._run("git", "status", "--porcelain"):
            run("git", "commit", "--quiet", "-m", f"Train {tag}")
        run("git", "tag", "-a", tag, "-m", tag)
        run("git", "push", "--quiet", "--atomic", "origin", self._branch, tag)
        run(sys.executable, "-c", COPY, self._settings["PUBLIC_BUCKET"], f"hand/{tag}/train.dvc", "dvc.lock")
        self._release(tag)

    def _release(self, tag: str) -> None:
        project = self._settings["GITLAB_PROJECT"].replace("/", "%2F")
        url = f"{self._settings['GITLAB_URL']}/api/v4/projects/{project}/releases"
        body = json.dumps({"tag_name": tag, "name": tag, "description": "By hand."})
        token = self._settings["GITLAB_TOKEN"]
        if shutil.which("curl"):
            headers = ["-H", f"PRIVATE-TOKEN: {token}", "-H", "Content-Type: application/json"]
            self._run("curl", "--silent", "--fail", *headers, "--data", body, url)
        else:
            self._run(sys.executable, "-c", POST, url, body, token)

    def _run(self, *argv: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            argv, cwd=cwd or self._folder, env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{argv} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout


def change_seed(folder: Path, branch: str, seed: int, run) -> None:
    """Commit another training seed on `branch`, from a clone in `folder`, and push it."""
    run("git", "fetch", "--quiet", "origin")
    run("git", "checkout", "--quiet", "-B", branch, f"origin/{branch}")
    params = folder / "params.yaml"
    lines = params.read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip().startswith("seed:"))
    lines[at] = lines[at].split("seed:")[0] + f"seed: {seed}"
    params.write_text("\n".join(lines) + "\n")
    run("git", "commit", "--quiet", "-am", f"Seed {seed}")
    run("git", "push", "--quiet", "origin", branch)
