"""The `docker` runtime: a step is a container, and each of the three steps has the privileges it needs and no more.

At the location there must be the `docker` client, and a shell with coreutils and util-linux; no Python, no DVC. What is
done there is in docker.sh, beside this file. Why it is as it is: docs/CONTAINERS.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from bot.errors import Conflict, DoorError, NotFound, Unauthorised, Unavailable
from bot.locations.registry import Login, Logins
from bot.locations.shell import CommandResult, Shell
from bot.ports import Job, JobSeen, JobState, JobStatus
from trainer.places import Places

LOOK_SECONDS = 15.0
LAUNCH_SECONDS = 60.0
"""Three containers' starts on a busy machine; an image that is not there yet is pulled without waiting for it."""
KILL_SECONDS = 45.0
GRACE_SECONDS = 5
NOTICE = "notice"
"""The file in a run's folder in which a training finds that its machine is taken back (trainer/job/notice.py)."""
PULL_PAUSE = 5.0
"""Seconds until somebody who waits for an image asks again."""

_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._:/@-]*")
_REFUSED = re.compile(r"denied|unauthorized|no basic auth|authentication required|token has expired", re.IGNORECASE)
_ASK = "-"
"""Stands in the place of a login that can be had: docker.sh says `login` when it needs it, which is seldom."""
_SCRIPT = files("bot.locations").joinpath("docker.sh").read_text(encoding="utf-8")
_IMAGE_SCRIPT = files("bot.locations").joinpath("image.sh").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Containers:
    """What holds for the containers of one location.

    `image` runs the team's code; `trainer_image` runs our own steps, which hold credentials, and is never the image
    that a branch built. `memory` is docker's (`24g`); None is nine tenths of the machine. `user` is `uid:gid`;
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
        self._refused: set[str] = set()

    def launch(self, job: Job) -> None:
        """See `Runtime.launch`. `NotFound` for an image that is nowhere; `Unavailable` while it is being pulled."""
        if job.step == "build":
            return self._build(job)
        its = self._containers
        training = job.step == "repro"
        image = _checked((job.spec.get("image") or its.image) if training else its.trainer_image)
        places = Places(Path(job.workdir), str(job.spec["project"]), str(job.spec.get("kind")))
        network_image = its.trainer_image if training and its.network == "bridge" else ""
        head = [job.workdir, str(places.home), str(job.fence), its.user or "", its.memory or "", network_image]
        words = [*self._ears(job), *self._run_words(job, image, places)]
        order = json.dumps(_order(job))
        said = self._ask("launch", job, *head, job.step, image, *words, stdin=f"{_ASK}\n{order}\n")
        if said.startswith("login "):
            image = said.removeprefix("login ")
            said = self._ask(
                "launch", job, *head, job.step, image, *words, stdin=f"{_line(self._logins(image))}\n{order}\n"
            )
        return self._check_launched(job, image, said)

    def _ears(self, job: Job) -> list[str]:
        """The image and the address of who hears for a training that its machine is taken back; empty for nobody.

        Our own steps are in the machine's network and hear for themselves.
        """
        address = job.spec.get("notices")
        return [self._containers.trainer_image, str(address)] if job.step == "repro" and address else ["", ""]

    def image(self, job: Job) -> str | None:
        """See `Runtime.image`. Nothing but the machine is asked: half a second when there is nothing to do."""
        its = job.spec["build"]
        home = Places(Path(job.workdir), str(job.spec["project"])).home
        said = self._ask("image", job, str(home), _checked(its["name"]), str(its["inputs"]), timeout=LOOK_SECONDS)
        word, _, found = said.partition(" ")
        return found if word == "found" else None

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

    def _build(self, job: Job) -> None:
        """Start the job that finds, pulls or builds a branch's image and pushes it: image.sh, detached."""
        its = job.spec["build"]
        name = _checked(its["name"])
        login = self._logins(name) if its["registry"] else None
        home = Places(Path(job.workdir), str(job.spec["project"])).home
        head = [job.workdir, str(home), str(job.fence), self._containers.user or "", _IMAGE_SCRIPT]
        words = [word for argument in its["arguments"] for word in ("--build-arg", str(argument))]
        if self._containers.network == "none":
            words += ["--network", "none"]
        said = self._ask(
            "build",
            job,
            *head,
            name,
            str(its["inputs"]),
            str(its["registry"]),
            "yes" if its["pull"] else "",
            *words,
            stdin=_line(login),
        )
        self._check_launched(job, name, said)

    def _ask(self, verb: str, job: Job, *words: str, stdin: str = "", timeout: float = LAUNCH_SECONDS) -> str:
        result = self._run(verb, job.run_dir, job.name, *words, stdin=stdin.encode(), timeout=timeout)
        return result.stdout.decode("utf-8", errors="replace").strip()

    def _check_launched(self, job: Job, image: str, said: str) -> None:
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
            raise self._not_pulled(image, reason)
        if word not in ("launched", "already"):
            raise Unavailable(f"{job.name} was not started, and the location does not say why.")
        self._refused.discard(image)

    def _not_pulled(self, image: str, reason: str) -> DoorError:
        """A login may have ended between its making and the pull: it is made anew once, and no more."""
        said = f"{image} could not be pulled to this location: {reason}"
        if any(sign in reason.lower() for sign in ("not found", "manifest unknown", "name unknown")):
            return NotFound(said)
        if _REFUSED.search(reason) and image in self._refused:
            self._refused.discard(image)
            return Unauthorised(f"{said}. Check REGISTRY_USER and REGISTRY_PASSWORD, or the bot's rights in ECR.")
        if _REFUSED.search(reason):
            self._refused.add(image)
        return Unavailable(said)

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
    """What our own steps see: all that belongs to the project, and the caches."""
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
    looked_at = (str(places.mirror / "objects"), str(places.fence), f"{job.run_dir}/{NOTICE}")
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


def _line(login: Login | None) -> str:
    return login.line if login else ""


def _checked(name: Any) -> str:
    if not _IMAGE.fullmatch(str(name)):
        raise NotFound(f"{name!r} is no image's name.")
    return str(name)


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
