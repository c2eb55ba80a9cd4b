"""A branch's image made at a location: built, pushed to a real registry, found again, pulled by another machine."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from moto import mock_aws

from bot.errors import Conflict
from bot.locations.docker import Containers, DockerRuntime
from bot.locations.ecr import ecr_client, ecr_login
from bot.locations.registry import Login
from bot.ports import Job, JobState
from bot.runs.names import registry_host
from tests.contract.engine_world import Engine
from tests.contract.registry_world import ACCOUNT, PASSWORD, a_registry
from tests.contract.test_runtime import alive
from tests.scenario.waiting import until

PROJECT = "team/fruits"
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
DOCKERFILE = "FROM scratch\nARG NOTE=none\nLABEL note=${NOTE}\nCOPY requirements.txt /\n"
SLOW = "ARG BASE\nFROM ${BASE}\nCOPY requirements.txt /\nRUN sleep 20\n"


@dataclass
class Machine:
    """A location whose docker is the engine; its builds are numbered as runs are."""

    engine: Engine
    workdir: Path
    registry: str = ""
    password: str = PASSWORD
    runs: int = 0
    network: str = "bridge"
    asked: list[str] = field(default_factory=list)

    @property
    def runtime(self) -> DockerRuntime:
        return DockerRuntime(self.engine.shell, Containers("image", "image", network=self.network), self.login)

    def login(self, image: str) -> Login | None:
        self.asked.append(image)
        return Login(self.registry.partition("/")[0], ACCOUNT, self.password) if self.password else None

    @property
    def name(self) -> str:
        return f"{self.registry or 'stationmaster'}/{PROJECT}:train_main-0d1c2b3a"

    def order(
        self, content: str, *, dockerfile: str = DOCKERFILE, arguments: tuple[str, ...] = (), pull: bool = True
    ) -> Job:
        """The job for a new run at a commit with that requirements.txt, its context put aside as prepare does."""
        self.runs += 1
        run_dir = self.workdir / "runs" / str(self.runs)
        (run_dir / "context").mkdir(parents=True)
        (run_dir / "context" / "Dockerfile.train").write_text(dockerfile)
        (run_dir / "context" / "requirements.txt").write_text(content)
        inputs = hashlib.sha256(f"{dockerfile}{content}{arguments}".encode()).hexdigest()
        build = {
            "name": self.name,
            "inputs": inputs,
            "pull": pull,
            "registry": registry_host(self.name) if self.registry else "",
            "arguments": [f"BASE={self.engine.base()}", *arguments],
        }
        spec = {"project": PROJECT, "run": self.runs, "build": build}
        return Job(f"run-{self.runs}-build-1", "build", self.runs, str(run_dir), str(self.workdir), spec, {})

    def until_over(self, job: Job) -> int | None:
        deadline = time.monotonic() + 60
        while (status := self.runtime.status(job.name, job.run_dir)).state is JobState.RUNNING:
            assert time.monotonic() < deadline, self.log(job)
            time.sleep(0.1)
        return status.exit_code

    def make(self, job: Job) -> str:
        """The image as a step would name it, made where it is not there."""
        found = self.runtime.image(job)
        if found is None:
            self.runtime.launch(job)
            assert self.until_over(job) == 0, self.log(job)
            found = self.runtime.image(job)
        assert found is not None, self.log(job)
        return found

    def log(self, job: Job) -> str:
        return (Path(job.run_dir) / "log").read_text()

    def states(self, job: Job) -> list[str]:
        events = Path(job.run_dir) / "events.jsonl"
        return [json.loads(line)["state"] for line in events.read_text().splitlines()] if events.exists() else []

    def forget_images(self) -> None:
        """As a machine that never had one."""
        listed = self.engine.docker("image", "ls", "--quiet", "--filter", f"label=stationmaster.image={self.name}")
        for image in set(listed.stdout.split()):
            self.engine.docker("rmi", "--force", image, check=False)


@pytest.fixture
def machine(engine, tmp_path):
    made = Machine(engine, tmp_path / "work", password="")
    yield made
    made.forget_images()


@pytest.fixture
def with_registry(engine, tmp_path):
    with a_registry(tmp_path, account=True) as registry:
        made = Machine(engine, tmp_path / "work", registry)
        yield made
        made.forget_images()


def inspect(engine, image):
    return json.loads(engine.docker("image", "inspect", image).stdout)[0]


def test_without_a_registry_an_image_is_built_once_and_named_by_its_id(machine, engine):
    first = machine.make(machine.order("a\n", arguments=("NOTE=mine",)))
    assert first.startswith("sha256:")
    assert inspect(engine, first)["Config"]["Labels"]["note"] == "mine"
    again = machine.order("a\n", arguments=("NOTE=mine",))
    assert machine.runtime.image(again) == first
    changed = machine.order("b\n", arguments=("NOTE=mine",))
    assert machine.runtime.image(changed) is None
    assert machine.make(changed) != first
    assert machine.states(changed) == ["building", "built"]
    assert not (Path(changed.run_dir) / "context").exists()


def test_the_image_that_lost_its_name_to_a_newer_one_is_removed(machine, engine):
    first = machine.make(machine.order("a\n"))
    machine.make(machine.order("b\n"))
    assert engine.docker("image", "inspect", first, check=False).returncode != 0


def test_an_image_is_pushed_and_named_by_the_registry_s_digest(with_registry, engine):
    job = with_registry.order("a\n")
    image = with_registry.make(job)
    repository = with_registry.name.rpartition(":")[0]
    assert image.startswith(f"{repository}@sha256:")
    assert with_registry.states(job) == ["building", "pushed"]
    assert engine.docker("image", "inspect", image).returncode == 0
    asked = len(with_registry.asked)
    assert with_registry.runtime.image(with_registry.order("a\n")) == image
    assert len(with_registry.asked) == asked


def test_a_second_machine_pulls_what_the_first_one_pushed(with_registry, engine, tmp_path):
    image = with_registry.make(with_registry.order("a\n"))
    with_registry.forget_images()
    second = replace(with_registry, workdir=tmp_path / "second", runs=0)
    job = second.order("a\n")
    assert second.make(job) == image
    assert second.states(job) == ["pulled"]
    changed = second.order("b\n")
    assert second.make(changed) != image
    assert second.states(changed) == ["building", "pushed"]


def test_what_is_known_to_be_another_image_is_not_pulled(with_registry):
    with_registry.make(with_registry.order("a\n"))
    with_registry.forget_images()
    (note,) = with_registry.workdir.rglob("images/train_main-0d1c2b3a")
    note.unlink()
    job = with_registry.order("a\n", pull=False)
    with_registry.make(job)
    assert with_registry.states(job) == ["building", "pushed"]


def test_no_password_of_the_registry_is_kept_at_the_location(with_registry):
    job = with_registry.order("a\n")
    with_registry.make(job)
    kept = [path for path in with_registry.workdir.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in path.read_bytes() for path in kept)
    assert not list(Path("/dev/shm").glob(f"{job.name}.*"))


def test_a_login_that_ended_is_told_apart_and_the_next_one_only_pushes(with_registry):
    job = with_registry.order("a\n")
    expired = replace(with_registry, password="sandbox-expired")
    expired.runtime.launch(job)
    assert expired.until_over(job) == 21
    again = replace(job, name="run-1-build-2")
    assert "@sha256:" in with_registry.make(again)


def test_the_login_that_amazon_s_registry_gives_opens_a_registry(engine, tmp_path):
    """moto's ECR gives the login; the registry that it opens is a real one, under its own address."""
    with mock_aws():
        granted = ecr_login(ECR, ecr_client(ECR))
    with a_registry(tmp_path, account=True, password=granted.password) as registry:
        machine = Machine(engine, tmp_path / "work", registry, granted.password)
        assert granted.account == ACCOUNT
        assert machine.make(machine.order("a\n")).startswith(f"{registry}/{PROJECT}@sha256:")
        machine.forget_images()


def test_a_build_that_fails_says_so_with_its_output(machine):
    job = machine.order("a\n", dockerfile="FROM scratch\nCOPY missing.txt /\n")
    machine.runtime.launch(job)
    assert machine.until_over(job) == 20
    assert "missing.txt" in machine.log(job)
    assert machine.runtime.image(job) is None


def test_launching_a_build_again_starts_nothing_more(machine):
    job = machine.order("a\n")
    for _ in range(3):
        machine.runtime.launch(job)
    assert machine.until_over(job) == 0
    machine.runtime.launch(job)
    assert machine.states(job) == ["building", "built"]


def test_a_build_is_killed_with_all_that_it_started_here(machine):
    """What goes on in the engine ends with its client: Docker does that by itself, podman lets a RUN end first."""
    machine.network = "none"
    job = machine.order("a\n", dockerfile=SLOW)
    machine.runtime.launch(job)
    inputs = job.spec["build"]["inputs"]
    until(lambda: "building" in machine.states(job) and alive(f"stationmaster.inputs={inputs}"), "it builds", 60)
    assert machine.runtime.status(job.name, job.run_dir).state is JobState.RUNNING
    (seen,) = machine.runtime.living(str(machine.workdir))
    assert (seen.name, seen.uid, seen.fence, seen.step) == (job.name, "1", 1, "build")
    assert machine.runtime.kill(job.name, job.run_dir) is True
    assert machine.runtime.status(job.name, job.run_dir).state is JobState.EXITED
    assert not machine.runtime.living(str(machine.workdir))
    assert not alive(f"stationmaster.inputs={inputs}")
    assert machine.runtime.kill(job.name, job.run_dir) is True


def test_a_build_that_was_killed_before_its_launch_never_starts(machine):
    job = machine.order("a\n")
    assert machine.runtime.kill(job.name, job.run_dir) is True
    machine.runtime.launch(job)
    assert machine.until_over(job) != 0
    assert machine.runtime.image(job) is None


def test_an_older_reservation_builds_nothing(machine):
    old, new = machine.order("a\n"), machine.order("b\n")
    machine.make(new)
    with pytest.raises(Conflict, match="newer reservation"):
        machine.runtime.launch(old)
