"""A machine in memory, truthful about what it counts: how many jobs ran at once, and when it was on."""

import json

from bot.errors import Conflict
from bot.ports import Job, JobState, JobStatus, PowerSeen, PowerState


class FakeLocation:
    """Power by hand or at once; a job plays the script of its step when it is launched, and ends when told."""

    def __init__(self, name: str = "alice", *, power: PowerState = PowerState.STOPPED, stoppable: bool = True) -> None:
        self.name = name
        self.workdir = f"/{name}"
        self.stoppable = stoppable
        self.state = power
        self.fence = 0
        self.files: dict[str, bytearray] = {}
        self.jobs: dict[str, Job] = {}
        self.statuses: dict[str, JobStatus] = {}
        self.decisions: dict[str, str] = {}
        self.since: float | None = None
        self.starts = 0
        self.stops = 0
        self.kills: list[str] = []
        self.most_at_once = 0
        self.errors: list[tuple[str, Exception]] = []
        self.capacity = True
        self.shell_up = True

    # -- the door

    def power(self) -> PowerState:
        self._fail("power")
        return self.state

    def look(self) -> PowerSeen:
        return PowerSeen(self.power(), self.since)

    def start(self) -> None:
        self._fail("start")
        self.starts += 1
        self.state = PowerState.RUNNING

    def stop(self) -> None:
        self._fail("stop")
        assert not self.running(), "a machine with somebody's job was stopped"
        self.stops += 1
        self.state = PowerState.STOPPED

    def answers(self) -> bool:
        return self.state is PowerState.RUNNING and self.shell_up

    def launch(self, job: Job) -> None:
        self._fail("launch")
        if job.fence < self.fence:
            raise Conflict("a newer reservation owns the workspace")
        self.fence = job.fence
        if job.name in self.jobs:
            return
        self.jobs[job.name] = job
        self.statuses[job.name] = JobStatus(JobState.RUNNING)
        self.most_at_once = max(self.most_at_once, len(self.running()))
        self._fail("launched")

    def status(self, job_name: str, run_dir: str) -> JobStatus:
        self._fail("status")
        status = self.statuses.get(job_name, JobStatus(JobState.ABSENT))
        sizes = {
            "events_size": len(self.files.get(f"{run_dir}/events.jsonl", b"")),
            "log_size": len(self.files.get(f"{run_dir}/log", b"")),
        }
        return JobStatus(status.state, status.exit_code, status.oom, **sizes)

    def kill(self, job_name: str, _run_dir: str) -> bool:
        self._fail("kill")
        self.kills.append(job_name)
        if self.statuses.get(job_name, JobStatus(JobState.ABSENT)).state is JobState.RUNNING:
            self.statuses[job_name] = JobStatus(JobState.EXITED, 143)
        return True

    def decide(self, run_dir: str, choice: str) -> str:
        self._fail("decide")
        return self.decisions.setdefault(run_dir, choice)

    def read(self, path: str, offset: int, limit: int) -> bytes:
        self._fail("read")
        return bytes(self.files.get(path, b"")[offset : offset + limit])

    # -- the test's hands

    def running(self) -> list[str]:
        return [name for name, status in self.statuses.items() if status.state is JobState.RUNNING]

    def current(self) -> Job:
        (name,) = self.running()
        return self.jobs[name]

    def emit(self, kind: str, **data) -> None:
        file = self.files.setdefault(f"{self.current().run_dir}/events.jsonl", bytearray())
        seq = file.count(b"\n") + 1
        file += json.dumps({"v": 1, "seq": seq, "at": "", "kind": kind, **data}).encode() + b"\n"

    def log(self, text: str) -> None:
        self.files.setdefault(f"{self.current().run_dir}/log", bytearray()).extend(text.encode())

    def finish(self, code: int = 0, *, oom: bool = False) -> None:
        self.statuses[self.current().name] = JobStatus(JobState.EXITED, code, oom)

    def vanish(self) -> None:
        for name in self.running():
            self.statuses[name] = JobStatus(JobState.LOST)
        self.state = PowerState.STOPPED

    def publish(self, *, commit: str = "c" * 40, changed: bool = True, **data) -> None:
        job = self.current()
        self.files[f"{job.run_dir}/train.dvc"] = bytearray(f"outs:\n- md5: {commit[:8]}\n  path: model.onnx\n".encode())
        spec = job.spec
        facts = {"commit": commit, "tag": spec["tag"], "branch": spec["branch"], "diverged": False}
        metrics = {"accuracy": 0.9}
        self.emit("published", **facts, objects=1, bytes=10, changed=changed, metrics=metrics, params={},
                  pointer="train.dvc", **data)  # fmt: skip

    def play(self, step: str) -> None:
        """What a step that goes well does."""
        assert self.current().step == step
        self.emit("step", name=step, state="started")
        if step == "repro":
            self.emit("stage", name="train", index=1, of=1, state="started")
            self.log("Epoch 1/1\n")
            self.emit("metric", step=1, of=1, values={"accuracy": 0.9})
            self.emit("stage", name="train", index=1, of=1, state="finished", seconds=2.0)
        if step == "publish":
            self.publish()
        self.emit("step", name=step, state="finished", seconds=1.0)
        self.finish()

    def fail(self, call: str, error: Exception, times: int = 1) -> None:
        self.errors += [(call, error)] * times

    def _fail(self, call: str) -> None:
        for index, (name, error) in enumerate(self.errors):
            if name == call:
                del self.errors[index]
                raise error
