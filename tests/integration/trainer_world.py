"""A tiny world for the trainer: a bare git repository, a DVC remote, a location, stages of milliseconds."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from trainer import events, jobs
from trainer.places import Places

PROJECT = "team/tiny"
TOKEN = "sandbox-tiny-git-token"
S3_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox-canary",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "1",
}

PIPELINE = """\
    stages:
      ready:
        cmd: cat data/raw/*.txt | sort > data/ready.txt
        deps:
          - data/raw
        outs:
          - data/ready.txt
      train:
        cmd: python src/train.py
        deps:
          - data/ready.txt
          - src/train.py
        params:
          - train.epochs
        outs:
          - model.txt
        metrics:
          - live/metrics.json
      export:
        cmd: mkdir -p out && cp model.txt out/model.bin && echo '{"score":0.5}' > metrics.json
        deps:
          - model.txt
        outs:
          - out
        metrics:
          - metrics.json:
              cache: false
    artifacts:
      model:
        path: out
    """

TRAIN = """\
    import json
    import pathlib

    epochs = int(pathlib.Path("params.yaml").read_text().split("epochs:")[1])
    live = pathlib.Path("live")
    live.mkdir(exist_ok=True)
    for epoch in range(epochs):
        print(f"Epoch {epoch + 1}/{epochs}", flush=True)
        (live / "metrics.json").write_text(json.dumps({"step": epoch, "loss": 1 / (epoch + 1)}))
    pathlib.Path("model.txt").write_text(f"{epochs} " + pathlib.Path("data/ready.txt").read_text())
    """


def git(folder: Path, *words: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Alice"), ("EMAIL", "alice@example.com"))
        },
    }
    command = ["git", "-c", "protocol.file.allow=always", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout.strip()


def dvc(folder: Path, *words: str, env: dict[str, str] | None = None, check: bool = True) -> str:
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder.parent / "hand-site"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **(env or {}),
    }
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words], cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0 or not check, (words, done.stdout, done.stderr)
    return done.stdout + done.stderr


@dataclass
class World:
    """`remote` is DVC's address of the data: a folder, or s3://bucket/prefix with `endpoint`."""

    root: Path
    remote: str
    endpoint: str = ""
    git_url: str = ""
    runs: int = 0
    env: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> Path:
        return self.root / "origin.git"

    @property
    def hand(self) -> Path:
        """Alice's own checkout, in which the project was made."""
        return self.root / "alice"

    @property
    def workdir(self) -> Path:
        return self.root / "location"

    @property
    def places(self) -> Places:
        return Places(self.workdir, PROJECT)

    @property
    def repo(self) -> Path:
        return self.places.repo

    @property
    def aws(self) -> dict[str, str]:
        return {**S3_ENVIRONMENT, "AWS_ENDPOINT_URL": self.endpoint} if self.endpoint else {}

    def make(self, pipeline: str = PIPELINE) -> World:
        git(self.root, "init", "--quiet", "--bare", "--initial-branch=main", str(self.origin))
        git(self.root, "clone", "--quiet", str(self.origin), str(self.hand))
        git(self.hand, "checkout", "--quiet", "-B", "main")
        self.write("params.yaml", "train:\n  epochs: 3\n")
        self.write("src/train.py", textwrap.dedent(TRAIN))
        for name in ("a", "b", "c"):
            self.write(f"data/raw/{name}.txt", f"{name * 3}\n")
        self.write(".dvc/config", f"[core]\n    remote = store\n['remote \"store\"']\n    url = {self.remote}\n")
        self.write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
        self.write(".dvcignore", "")
        self.add("data/raw")
        self.write("dvc.yaml", textwrap.dedent(pipeline))
        self.commit("The project")
        return self

    def add(self, path: str) -> None:
        """As `dvc add` of a folder and `dvc push` of it, without the seconds that DVC takes to start."""
        members = []
        for file in sorted((self.hand / path).rglob("*")):
            oid = self.store(file.read_bytes())
            members.append({"md5": oid, "relpath": str(file.relative_to(self.hand / path))})
        oid = self.store(json.dumps(members).encode(), ".dir")
        size = sum(file.stat().st_size for file in (self.hand / path).rglob("*"))
        folder, name = os.path.split(path)
        self.write(
            f"{path}.dvc",
            f"outs:\n- md5: {oid}\n  size: {size}\n  nfiles: {len(members)}\n  hash: md5\n  path: {name}\n",
        )
        self.write(f"{folder}/.gitignore", f"/{name}\n")

    def store(self, content: bytes, suffix: str = "") -> str:
        """Put an object on the remote."""
        oid = hashlib.md5(content, usedforsecurity=False).hexdigest() + suffix
        key = f"files/md5/{oid[:2]}/{oid[2:]}"
        if self.endpoint:
            self.s3().put_object(Bucket=self.bucket, Key=f"store/{key}", Body=content)
        else:
            target = Path(self.remote) / key
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return oid

    @property
    def bucket(self) -> str:
        return self.remote.removeprefix("s3://").split("/")[0]

    def s3(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=S3_ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=S3_ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
        )

    def write(self, path: str, content: str, *, at: Path | None = None) -> Path:
        target = (at or self.hand) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        return target

    def commit(self, message: str) -> str:
        git(self.hand, "add", "--all")
        git(self.hand, "commit", "--quiet", "--allow-empty", "-m", message)
        git(self.hand, "push", "--quiet", "origin", "HEAD")
        return git(self.hand, "rev-parse", "HEAD")

    def change(self, **files: str) -> str:
        """Alice changes files (`src__train_py` is src/train.py) and pushes."""
        git(self.hand, "pull", "--quiet", "--rebase", "origin", "main")
        for name, content in files.items():
            self.write(name.replace("__", "/").replace("_", "."), content)
        return self.commit("A change")

    def change_on(self, branch: str, **files: str) -> str:
        """Alice makes a branch with changes, and goes back to main."""
        git(self.hand, "pull", "--quiet", "--rebase", "origin", "main")
        git(self.hand, "checkout", "--quiet", "-b", branch)
        try:
            for name, content in files.items():
                self.write(name.replace("__", "/").replace("_", "."), content)
            return self.commit("A change")
        finally:
            git(self.hand, "checkout", "--quiet", "main")

    def head(self, branch: str = "main") -> str:
        return git(self.origin, "rev-parse", f"refs/heads/{branch}")

    def show(self, name: str) -> str:
        return git(self.origin, "show", name)

    def tags(self) -> list[str]:
        return git(self.origin, "tag", "--list").split()

    def new_run(self, tag: str = "", **spec: Any) -> Run:
        self.runs += 1
        return Run(self, self.runs, tag or f"v1.0.{self.runs}", spec)

    def drop_object(self, oid: str) -> None:
        """Somebody deletes an object from the remote."""
        key = f"files/md5/{oid[:2]}/{oid[2:]}"
        if self.endpoint:
            self.s3().delete_object(Bucket=self.bucket, Key=f"store/{key}")
        else:
            (Path(self.remote) / key).unlink()

    def has_object(self, oid: str) -> bool:
        key = f"files/md5/{oid[:2]}/{oid[2:]}"
        if not self.endpoint:
            return (Path(self.remote) / key).exists()
        return "Contents" in self.s3().list_objects_v2(Bucket=self.bucket, Prefix=f"store/{key}")

    def spoil_object(self, oid: str) -> None:
        """An object's bytes change, and its size does not."""
        key = f"files/md5/{oid[:2]}/{oid[2:]}"
        if self.endpoint:
            size = self.s3().head_object(Bucket=self.bucket, Key=f"store/{key}")["ContentLength"]
            self.s3().put_object(Bucket=self.bucket, Key=f"store/{key}", Body=b"x" * size)
        else:
            path = Path(self.remote) / key
            path.write_bytes(b"x" * path.stat().st_size)


@dataclass
class Run:
    world: World
    number: int
    tag: str
    spec_extras: dict[str, Any]
    commit: str = ""
    attempts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.commit = self.commit or self.world.head(self.spec_extras.get("branch", "main"))

    @property
    def uid(self) -> str:
        return f"{self.number}-abcd"

    @property
    def run_dir(self) -> Path:
        return self.world.workdir / "runs" / self.uid

    def spec(self, **extras: Any) -> dict[str, Any]:
        return {
            "run": self.number,
            "uid": self.uid,
            "project": PROJECT,
            "branch": "main",
            "commit": self.commit,
            "tag": self.tag,
            "git_url": self.world.git_url or str(self.world.origin),
            "triggered_by": "alice@example.com",
            "started_at": time.time(),
            **self.spec_extras,
            **extras,
        }

    def order(self, step: str, fence: int = 1, **extras: Any) -> dict[str, Any]:
        self.attempts[step] = self.attempts.get(step, 0) + 1
        return {
            "name": f"run-{self.uid}-{step}-{self.attempts[step]}",
            "step": step,
            "fence": fence,
            "run_dir": str(self.run_dir),
            "workdir": str(self.world.workdir),
            "spec": self.spec(**extras),
            "secrets": {"git": {"username": "oauth2", "token": TOKEN}, "env": self.world.aws},
        }

    def step(self, step: str, *, crash: str = "", limit: float = 60, **extras: Any) -> int:
        """Launch the step as the bot would, wait for its end, and return its exit code."""
        env = {**self.world.env, **({"STATIONMASTER_CRASH": crash} if crash else {})}
        order = self.order(step, **extras)
        order["spec"]["env"] = env
        answer = ask("launch", stdin=json.dumps(order))
        assert answer.get("ok"), answer
        return self.wait(order["name"], limit)

    def wait(self, name: str, limit: float = 60) -> int:
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            answer = jobs.status(self.run_dir, name)
            if answer["state"] == "exited":
                return int(answer["exit_code"])
            assert answer["state"] == "running", answer
            time.sleep(0.02)
        raise AssertionError(f"{name} did not end in {limit} s: {self.log()}")

    def all_steps(self) -> None:
        for step in ("prepare", "repro", "publish"):
            code = self.step(step)
            assert code == 0, (step, code, self.log(), self.failure())

    def log(self) -> str:
        path = self.run_dir / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        path = self.run_dir / "events.jsonl"
        found, _ = events.parse(path.read_bytes() if path.exists() else b"")
        return [{"kind": event.kind, **event.data} for event in found if kind in ("", event.kind)]

    def failure(self) -> dict[str, Any]:
        found = self.events("failed")
        return found[-1] if found else {}

    def stages(self) -> dict[str, str]:
        """Stage -> its last state."""
        return {event["name"]: event["state"] for event in self.events("stage")}

    def published(self) -> dict[str, Any]:
        found = self.events("published")
        assert found, (self.log(), self.failure())
        return found[-1]


def ask(verb: str, *words: str, stdin: str = "") -> dict[str, Any]:
    """Call the location's half of the runtime as the bot does."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "trainer.jobs", verb, *words],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
