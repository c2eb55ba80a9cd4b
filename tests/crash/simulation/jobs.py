"""What the three steps do at a machine as time passes, each as a generator of the seconds until it does the next thing.

It returns its exit code. Between two of its deeds anything may happen to the machine, and the bot may look.
"""

from collections.abc import Generator
from random import Random
from typing import Any

from bot.ports import Job

Life = Generator[float, None, int]
FOREVER = 10_000_000.0
PASSING = 0.12
"""How likely a step meets a fault that passes, such as a network that is away."""


def life(machine: Any, job: Job, chance: Random) -> Life:
    return {"prepare": _prepare, "repro": _repro, "publish": _publish, "compare": _compare}[job.step](
        machine, job, chance
    )


def _prepare(machine: Any, job: Job, chance: Random) -> Life:
    yield chance.uniform(0, 2)
    machine.emit("step", name="prepare", state="started")
    yield chance.uniform(1, 40)
    if chance.random() < PASSING:
        return _fails(machine, job, chance.choice(("network", "network", "missing-data", "disk-full")))
    machine.emit("step", name="prepare", state="finished", seconds=1.0)
    yield 0.5
    return 0


def _repro(machine: Any, job: Job, chance: Random) -> Life:
    fate = chance.random()
    yield chance.uniform(0, 2)
    machine.emit("stage", name="train", index=1, of=1, state="started")
    for epoch in range(chance.randint(1, 4)):
        yield chance.uniform(1, 90)
        machine.log(f"Epoch {epoch}\n")
        machine.emit("metric", step=epoch, of=4, values={"accuracy": 0.9})
    if fate < 0.1:
        return _fails(machine, job, chance.choice(("code", "out-of-memory")))
    if fate < 0.13:
        return 137
    if fate < 0.15:
        yield FOREVER
    machine.emit("stage", name="train", index=1, of=1, state="finished", seconds=2.0)
    machine.emit("step", name="repro", state="finished", seconds=1.0)
    yield 0.5
    return 0


def _publish(machine: Any, job: Job, chance: Random) -> Life:
    if job.spec["kind"] != "train":
        machine.broken.append(f"something of run {job.spec['run']} is published, which is a {job.spec['kind']}")
    yield chance.uniform(1, 20)
    if chance.random() < PASSING:
        return _fails(machine, job, "network")
    if machine.decisions.setdefault(job.run_dir, "push") != "push":
        return _fails(machine, job, "killed")
    yield chance.uniform(0, 3)
    commit = f"{job.spec['run']:040x}"
    if not machine.code.push(job, commit):
        return _fails(machine, job, "conflict")
    yield chance.uniform(0, 3)
    if chance.random() < PASSING / 4:
        return _fails(machine, job, "network")
    # What a retry finds pushed already measures the same again.
    machine.publish(commit=machine.code.tags_made[job.spec["tag"]], metrics={"accuracy": _accuracy(job)})
    yield chance.uniform(0, 1)
    machine.emit("step", name="publish", state="finished", seconds=1.0)
    yield 0.5
    return 0


def _accuracy(job: Job) -> float:
    """Of three trainings one is worse than its gate allows."""
    return (0.8, 0.9, 0.92)[int(job.spec["tag"].lstrip("v")) % 3]


def _compare(machine: Any, job: Job, chance: Random) -> Life:
    if job.spec["kind"] != "reproduce":
        machine.broken.append(f"run {job.spec['run']} is compared with a release, and is a {job.spec['kind']}")
    yield chance.uniform(0, 5)
    if chance.random() < PASSING:
        return _fails(machine, job, "internal")
    machine.emit("compared", outputs=2, different=1, outs=[{"path": "model", "equal": False}], metrics=[])
    yield chance.uniform(0, 1)
    machine.emit("step", name="compare", state="finished", seconds=1.0)
    yield 0.5
    return 0


def _fails(machine: Any, job: Job, cause: str) -> int:
    machine.emit("failed", step=job.step, cause=cause, message=f"{cause}, as it happens", lines=[])
    return 1
