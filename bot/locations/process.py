"""The `process` runtime: a step is a detached process group, kept by `python -m trainer.jobs` at the location."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bot.errors import Conflict, Unavailable
from bot.locations.shell import Shell
from bot.ports import Job, JobSeen, JobState, JobStatus

LOOK_SECONDS = 15.0
"""For verbs that only look or take a decision."""
ACT_SECONDS = 30.0
"""For launch and kill; `kill` waits at the location until nothing of the job is left."""


class Runtime(Protocol):
    """Jobs at a location. Raises only `DoorError`s; `tests/contract/test_runtime.py` says what must hold."""

    def launch(self, job: Job) -> None:
        """Start the job detached. Idempotent by `job.name`; `Conflict` when a newer fence owns the workspace."""

    def status(self, job_name: str, run_dir: str) -> JobStatus:
        """What became of the job; `ABSENT` for one that was never launched."""

    def kill(self, job_name: str, run_dir: str) -> bool:
        """End the job and everything it started; True when nothing of it is left (or never was)."""

    def decide(self, run_dir: str, choice: str) -> str:
        """Take the run's one decision, `push` or `cancel`; returns the winner."""

    def image(self, job: Job) -> str | None:
        """What a `build` job would make, by digest, when it is there already; None too where nothing is ever built."""

    def living(self, workdir: str) -> Sequence[JobSeen]:
        """All that lives now of the jobs whose runs are in `workdir`; `Unavailable` when that is not certain."""


class ProcessRuntime:
    """Runs steps with the interpreter `python` of the location, in which `trainer` is installed.

    `-P` keeps the current folder off the module path: a team's repository must not be able to stand in for `trainer`.
    """

    def __init__(self, shell: Shell, python: str) -> None:
        self._shell = shell
        self._argv = (python, "-P", "-m", "trainer.jobs")

    def launch(self, job: Job) -> None:
        """See `Runtime.launch`. Spec and secrets go through standard input."""
        order = {
            "name": job.name,
            "step": job.step,
            "fence": job.fence,
            "run_dir": job.run_dir,
            "workdir": job.workdir,
            "spec": dict(job.spec),
            "secrets": dict(job.secrets),
        }
        answer = self._ask("launch", stdin=json.dumps(order).encode(), timeout=ACT_SECONDS)
        if answer.get("fenced"):
            raise Conflict(f"{job.name} was not started: a newer reservation owns this location's workspace.")
        if not answer.get("ok"):
            raise Unavailable(f"{job.name} was not started, and the location does not say why.")

    def status(self, job_name: str, run_dir: str) -> JobStatus:
        """See `Runtime.status`."""
        answer = self._ask("status", "--run-dir", run_dir, "--job", job_name)
        try:
            return _status(answer)
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(f"The location said something else than a status of {job_name}: {answer}") from error

    def kill(self, job_name: str, run_dir: str) -> bool:
        """See `Runtime.kill`."""
        answer = self._ask("kill", "--run-dir", run_dir, "--job", job_name, timeout=ACT_SECONDS)
        return answer.get("gone") is True

    def image(self, job: Job) -> None:
        """See `Runtime.image`: steps run where they are, in no image."""

    def decide(self, run_dir: str, choice: str) -> str:
        """See `Runtime.decide`."""
        decision = self._ask("decide", "--run-dir", run_dir, "--as", choice).get("decision")
        if decision not in ("push", "cancel"):
            raise Unavailable(f"The location did not say what was decided in {run_dir}.")
        return str(decision)

    def living(self, workdir: str) -> Sequence[JobSeen]:
        """See `Runtime.living`."""
        answer = self._ask("list", "--workdir", workdir)
        try:
            return [_seen(job) for job in answer["jobs"]]
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(f"The location said something else than its jobs: {answer}") from error

    def _ask(self, verb: str, *words: str, stdin: bytes = b"", timeout: float = LOOK_SECONDS) -> Mapping[str, Any]:
        result = self._shell.run([*self._argv, verb, *words], stdin=stdin, timeout=timeout)
        if result.code != 0:
            raise Unavailable(f"`trainer.jobs {verb}` failed at the location: {result.last_line}")
        lines = result.stdout.decode("utf-8", errors="replace").strip().splitlines()
        try:
            answer = json.loads(lines[-1])
        except (IndexError, ValueError) as error:
            raise Unavailable(f"`trainer.jobs {verb}` gave no answer: {result.last_line}") from error
        if not isinstance(answer, dict):
            raise Unavailable(f"`trainer.jobs {verb}` gave no answer: {result.last_line}")
        return answer


def _status(answer: Mapping[str, Any]) -> JobStatus:
    code = answer.get("exit_code")
    return JobStatus(
        state=JobState(answer["state"]),
        exit_code=None if code is None else int(code),
        oom=answer.get("oom") is True,
        events_size=int(answer.get("events_size", 0)),
        log_size=int(answer.get("log_size", 0)),
    )


def _seen(job: Mapping[str, Any]) -> JobSeen:
    return JobSeen(str(job["name"]), str(job["uid"]), int(job["fence"]), str(job["step"]), float(job["seconds"]))
