"""The `docker` runtime: a step is a container, and each of the three steps has the privileges it needs and no more.

At the location there must be the `docker` client, and a shell with coreutils and util-linux; no Python, no DVC. What is
done there is in docker.sh, beside this file. Why it is as it is: docs/CONTAINERS.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from bot.errors import Conflict, NotFound, Unavailable
from bot.locations.shell import CommandResult, Shell
from bot.ports import Job, JobSeen, JobState, JobStatus
from trainer.places import Places

LOOK_SECONDS = 15.0
LAUNCH_SECONDS = 60.0
"""Three containers' starts on a busy machine; an image that is not there yet is pulled without waiting for it."""
KILL_SECONDS = 45.0
GRACE_SECONDS = 5
PULL_PAUSE = 5.0
"""Seconds until somebody who waits for an image asks again."""

_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._:/@-]*")
_SCRIPT = files("bot.locations").joinpath("docker.sh").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Login:
    """A registry's account; made right before a pull, since ECR's lasts twelve hours."""

    registry: str
    account: str
    password: str = field(repr=False)

    @property
    def line(self) -> str:
        """As docker.sh reads it."""
        return f"{self.registry} {self.account} {self.password}"


Logins = Callable[[str], Login | None]
"""From an image's name to the account that may pull it; None where the location needs none, or has its own."""


@dataclass(frozen=True)
class Containers:
    """What holds for the containers of one location.

    `image` runs the team's code; `trainer_image` runs prepare and publish, which hold credentials, and is never the
    image that a branch built. `memory` is docker's (`24g`); None is nine tenths of the machine. `user` is `uid:gid`;
    None is the shell's own user, or 10001:10001 where that is root. `network` is of the training: `bridge` without the
    metadata service, or `none`.
    """

    image: str
    trainer_image: str
    gpus: str | None = None
    memory: str | None = None
    pids: int = 4096
    shm: str = "1g"
    network: str = "bridge"
    user: str | None = None


class DockerRuntime:
    """See `bot.locations.process.Runtime` for what each call promises. The container's name is the job's: the mutex."""

    def __init__(self, shell: Shell, containers: Containers, logins: Logins = lambda _image: None) -> None:
        self._shell = shell
        self._containers = containers
        self._logins = logins

    def launch(self, job: Job) -> None:
        """See `Runtime.launch`. `NotFound` for an image that is nowhere; `Unavailable` while it is being pulled."""
        its = self._containers
        training = job.step == "repro"
        image = str(job.spec.get("image") or its.image) if training else its.trainer_image
        if not _IMAGE.fullmatch(image):
            raise NotFound(f"{image!r} is no image's name.")
        places = Places(Path(job.workdir), str(job.spec["project"]))
        network_image = its.trainer_image if training and its.network == "bridge" else ""
        head = [job.workdir, str(places.home), str(job.fence), its.user or "", its.memory or "", network_image]
        words = self._run_words(job, image, places)
        login = self._logins(image)
        stdin = f"{login.line if login else ''}\n{json.dumps(_order(job))}\n".encode()
        result = self._run("launch", job.run_dir, job.name, *head, job.step, image, *words, stdin=stdin)
        said = result.stdout.decode("utf-8", errors="replace").strip()
        _check_launched(job, image, said)

    def status(self, job_name: str, run_dir: str) -> JobStatus:
        """See `Runtime.status`. A container that ended is removed once its code is in the run's folder."""
        said = self._run("status", run_dir, job_name, timeout=LOOK_SECONDS).stdout.decode("utf-8", errors="replace")
        try:
            return _status(json.loads(said))
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(f"The location said something else than a status of {job_name}: {said[:200]}") from error

    def kill(self, job_name: str, run_dir: str) -> bool:
        """See `Runtime.kill`. The container's end takes every process in it along, whatever it made of itself."""
        said = self._run("kill", run_dir, job_name, str(GRACE_SECONDS), timeout=KILL_SECONDS).stdout
        return said.strip() == b"gone"

    def decide(self, run_dir: str, choice: str) -> str:
        """See `Runtime.decide`."""
        if choice not in ("push", "cancel"):
            raise ValueError(f"{choice!r} is no decision; say push or cancel")
        decision = self._run("decide", run_dir, choice, timeout=LOOK_SECONDS).stdout.decode("ascii", errors="replace")
        if decision not in ("push", "cancel"):
            raise Unavailable(f"The location did not say what was decided in {run_dir}.")
        return decision

    def living(self, workdir: str) -> Sequence[JobSeen]:
        """See `Runtime.living`. Known by their labels, with no ledger at hand."""
        said = self._run("jobs", workdir, "", timeout=LOOK_SECONDS).stdout.decode("utf-8", errors="replace")
        try:
            now, *lines = said.splitlines()
            found = [_seen(line.split("\t"), float(now)) for line in lines]
        except ValueError as error:
            raise Unavailable(f"The location said something else than its jobs: {said[:200]}") from error
        return [seen for seen, run_dir in found if run_dir.startswith(f"{workdir}/")]

    def _run(self, verb: str, *words: str, stdin: bytes = b"", timeout: float = LAUNCH_SECONDS) -> CommandResult:
        argv = ["sh", "-c", _SCRIPT, "docker.sh", verb, *words]
        result = self._shell.run(argv, stdin=stdin, timeout=timeout)
        if result.code != 0:
            raise Unavailable(f"Docker did not do `{verb}` at the location: {result.last_line}")
        return result

    def _run_words(self, job: Job, image: str, places: Places) -> list[str]:
        """What follows `docker run --detach --name ... --user ... --memory ...`."""
        its = self._containers
        training = job.step == "repro"
        words = [
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--init"),
            *("--tmpfs", "/tmp:rw,exec,nosuid,nodev,mode=1777", "--shm-size", its.shm),  # noqa: S108 - the container's own
            *("--pids-limit", str(its.pids), "--restart", "no", "--stop-signal", "SIGTERM"),
            *("--log-driver", "json-file", "--log-opt", "max-size=1m"),
            *("--env", "HOME=/tmp", "--env", "USER=trainer"),
            *_labels(job),
            *(_inside(job, places) if training else _ours(job, places)),
            *_mount("tmpfs", f"{job.run_dir}/jobs/{job.name}", "tmpfs-mode=1777", "tmpfs-size=16m"),
        ]
        if not training:
            words += ["--network", "host"]
        elif its.network == "none":
            words += ["--network", "none"]
        if training and its.gpus:
            words += ["--gpus", its.gpus]
        command = ("-P", "-m", "trainer.contained", "--run-dir", job.run_dir, "--job", job.name)
        return [*words, "--entrypoint", "python", image, *command]


def _ours(job: Job, places: Places) -> list[str]:
    """What prepare and publish see: all that belongs to the project, and the caches."""
    folders = (str(places.home), str(places.cache), str(places.site), job.run_dir)
    return [word for folder in folders for word in _mount("bind", folder, source=folder)]


def _inside(job: Job, places: Places) -> list[str]:
    """What the team's code sees. The mirror's objects stand behind the workspace's own `.git`, and are not writable."""
    writable = (
        str(places.repo),
        str(places.cache),
        str(places.site),
        f"{job.run_dir}/events.jsonl",
        f"{job.run_dir}/log",
    )
    looked_at = (str(places.mirror / "objects"), str(places.fence))
    words = [word for path in writable for word in _mount("bind", path, source=path)]
    return words + [word for path in looked_at for word in _mount("bind", path, "readonly", source=path)]


def _mount(kind: str, target: str, *options: str, source: str | None = None) -> list[str]:
    fields = [f"type={kind}", *([f"source={source}"] if source else []), f"target={target}", *options]
    return ["--mount", ",".join(f'"{one}"' if "," in one or '"' in one else one for one in fields)]


def _labels(job: Job) -> list[str]:
    """By these a reaper knows whose the container is, with no ledger at hand."""
    facts = {
        "run": job.spec.get("run", ""),
        "uid": job.spec.get("uid", ""),
        "fence": job.fence,
        "step": job.step,
        "run-dir": job.run_dir,
    }
    return [word for name, value in facts.items() for word in ("--label", f"stationmaster.{name}={value}")]


def _order(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "step": job.step,
        "fence": job.fence,
        "run_dir": job.run_dir,
        "workdir": job.workdir,
        "spec": dict(job.spec),
        "secrets": {} if job.step == "repro" else dict(job.secrets),
    }


def _check_launched(job: Job, image: str, said: str) -> None:
    word, _, reason = said.partition(" ")
    if word == "fenced":
        raise Conflict(f"{job.name} was not started: a newer reservation owns this location's workspace.")
    if word == "pulling":
        raise Unavailable(f"{image} is being pulled to this location.", retry_after=PULL_PAUSE)
    if word == "unfit":
        raise NotFound(
            f"{image} cannot run a step: {reason or 'it ended at once, without a word'}. See Dockerfile.train."
        )
    if word == "unpulled":
        missing = any(sign in reason.lower() for sign in ("not found", "manifest unknown", "name unknown"))
        error = NotFound if missing else Unavailable
        raise error(f"{image} could not be pulled to this location: {reason}")
    if word not in ("launched", "already"):
        raise Unavailable(f"{job.name} was not started, and the location does not say why.")


def _status(answer: Mapping[str, Any]) -> JobStatus:
    ended = answer["ended"] or {}
    return JobStatus(
        state=JobState(answer["state"]),
        exit_code=int(ended["exit_code"]) if ended else None,
        oom=ended.get("oom") is True,
        events_size=int(answer["events_size"]),
        log_size=int(answer["log_size"]),
    )


def _seen(fields: Sequence[str], now: float) -> tuple[JobSeen, str]:
    """A line of docker.sh's `jobs` as a job and its run's folder. A time is `2026-01-02 03:04:05 +0000 UTC`."""
    name, uid, fence, step, created, run_dir = fields
    began = datetime.strptime(created[:25], "%Y-%m-%d %H:%M:%S %z")
    return JobSeen(name, uid, int(fence), step, max(0.0, now - began.timestamp())), run_dir
