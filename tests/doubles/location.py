"""A machine in memory, truthful about what it counts: how many jobs ran at once, and when it was on."""

import json

from bot.errors import Conflict, Unavailable
from bot.ports import Job, JobSeen, JobState, JobStatus, PowerSeen, PowerState


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
        self.inputs: str | None = "1" * 64
        self.images: dict[str, str] = {}
        self.ages: dict[str, float] = {}
        self.guards: list[tuple[float, float]] = []

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

    def image(self, job: Job) -> str | None:
        self._fail("image")
        return self.images.get(job.spec["build"]["inputs"])

    def read(self, path: str, offset: int, limit: int) -> bytes:
        self._fail("read")
        return bytes(self.files.get(path, b"")[offset : offset + limit])

    def living(self) -> list[JobSeen]:
        self._answer()
        return [self._seen(self.jobs[name]) for name in self.running()]

    def guard(self, *, lease_seconds: float, hard_seconds: float) -> None:
        self._answer()
        self._fail("guard")
        self.guards.append((lease_seconds, hard_seconds))

    def _answer(self) -> None:
        self._fail("living")
        if not self.answers():
            raise Unavailable(f"{self.name} does not answer")

    def _seen(self, job: Job) -> JobSeen:
        return JobSeen(job.name, str(job.spec["uid"]), job.fence, job.step, self.ages.get(job.name, 0.0))

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

    def publish(self, *, commit: str = "c" * 40, changed: bool = True, metrics=None, params=None, **data) -> None:
        job = self.current()
        self.files[f"{job.run_dir}/train.dvc"] = bytearray(f"outs:\n- md5: {commit[:8]}\n  path: model.onnx\n".encode())
        spec = job.spec
        facts = {"commit": commit, "tag": spec["tag"], "branch": spec["branch"], "diverged": False}
        metrics = {"accuracy": 0.9} if metrics is None else metrics
        self.emit("published", **facts, objects=1, bytes=10, changed=changed, metrics=metrics, params=params or {},
                  pointer="train.dvc", **data)  # fmt: skip

    def play(self, step: str) -> None:
        """What a step that goes well does."""
        assert self.current().step == step
        if step == "build":
            self._make_image()
            return
        self.emit("step", name=step, state="started")
        if step == "prepare" and self.current().spec["build_arguments"] is not None:
            parts = {"Dockerfile.train": self.inputs[:8], "trainer": "2" * 8} if self.inputs else {}
            self.emit("image", inputs=self.inputs, parts=parts)
        if step == "repro":
            self.emit("stage", name="train", index=1, of=1, state="started")
            self.log("Epoch 1/1\n")
            self.emit("metric", step=1, of=1, values={"accuracy": 0.9})
            self.emit("stage", name="train", index=1, of=1, state="finished", seconds=2.0)
        if step == "publish":
            self.publish()
        if step == "compare":
            self.emit("compared", outputs=6, different=0, outs=[], metrics_different=0, metrics=[])
        self.emit("step", name=step, state="finished", seconds=1.0)
        self.finish()

    def _make_image(self) -> None:
        """What a build does that goes well and has a registry to push to."""
        its = self.current().spec["build"]
        self.emit("image", state="building")
        self.log("Step 1/2 : FROM scratch\n")
        self.images[its["inputs"]] = f"{its['name'].rpartition(':')[0]}@sha256:{its['inputs']}"
        self.emit("image", state="pushed")
        self.finish()

    def appear(self, name: str, uid: str, *, fence: int, hours: float = 0.0) -> None:
        """A job that lives here without any launch of ours."""
        run_dir = f"{self.workdir}/runs/{uid}"
        self.jobs[name] = Job(name, "repro", fence, run_dir, self.workdir, {"uid": uid}, {})
        self.statuses[name] = JobStatus(JobState.RUNNING)
        self.ages[name] = hours * 3600

    def fail(self, call: str, error: Exception, times: int = 1) -> None:
        self.errors += [(call, error)] * times

    def _fail(self, call: str) -> None:
        for index, (name, error) in enumerate(self.errors):
            if name == call:
                del self.errors[index]
                raise error
