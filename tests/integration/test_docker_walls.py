"""What a training in its container can do, reach and see: very little. With a real engine and real limits."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from bot.locations.docker import Containers, DockerRuntime
from bot.ports import Job, JobState
from tests.contract.engine_world import ROOT
from tests.doubles.metadata import Metadata
from tests.scenario.waiting import until
from trainer.places import Places

PROJECT = "team/walls"
IMAGE = "localhost/stationmaster-walls:test"
DOCKERFILE = """
ARG BASE
FROM ${BASE}
RUN ln -s python3 /usr/bin/python
ENV PYTHONPATH=/opt/ours
COPY trainer /opt/ours/trainer
COPY steps /opt/steps
"""
STEP = """
import os, runpy, sys
os.environ["RUN_DIR"] = sys.argv[sys.argv.index("--run-dir") + 1]
os.chdir(os.environ["DESK"])
runpy.run_path("plan.py", run_name="__main__")
"""
METADATA = "169.254.169.254"
ASK = f"""
import socket, urllib.error, urllib.request
def routed():
    try:
        return urllib.request.urlopen("http://{METADATA}/latest/", timeout=3).status
    except urllib.error.HTTPError as error:
        return error.code
def bound_to_the_interface():
    line = socket.socket()
    line.settimeout(3)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    line.connect(("{METADATA}", 80))
    line.sendall(b"GET /latest/ HTTP/1.0\\r\\n\\r\\n")
    return int(line.recv(99).split()[1])
for ask in (routed, bound_to_the_interface):
    try:
        print(ask.__name__, ask())
    except OSError:
        print(ask.__name__, "nothing")
"""


class Walls:
    """One location, whose steps are a line of Python."""

    def __init__(self, engine, workdir, **limits):
        self.engine = engine
        self.runtime = DockerRuntime(engine.shell, Containers(IMAGE, IMAGE, **limits))
        self.workdir = workdir
        self.run_dir = workdir / "runs" / "1"
        self.repo = Places(workdir, PROJECT).repo
        self.repo.mkdir(parents=True)

    def name(self, step):
        return f"walls-{abs(hash(self.workdir))}-{step}"

    def job(self, plan, step="repro", **changes):
        (self.repo / "plan.py").write_text(plan)
        spec = {"run": 7, "project": PROJECT, "env": {"PYTHONPATH": "/opt/steps", "DESK": str(self.repo)}}
        name = self.name(step)
        return Job(
            name, step, 1, str(self.run_dir), str(self.workdir), {**spec, **changes}, {"git": {"token": "canary-walls"}}
        )

    def run(self, plan, step="repro"):
        """The step's last status, and all that it printed."""
        job = self.job(plan, step)
        self.runtime.launch(job)
        return self.until_over(job), (self.run_dir / "log").read_text()

    def until_over(self, job, seconds=40):
        deadline = time.monotonic() + seconds
        while (status := self.runtime.status(job.name, job.run_dir)).state is JobState.RUNNING:
            assert time.monotonic() < deadline, (self.run_dir / "log").read_text()
            time.sleep(0.1)
        return status


@pytest.fixture(scope="module", autouse=True)
def image(engine, tmp_path_factory):
    context = tmp_path_factory.mktemp("walls")
    copy = ["cp", "-r", str(ROOT / "trainer"), str(context / "trainer")]
    subprocess.run(copy, check=True)
    (context / "steps" / "trainer").mkdir(parents=True)
    (context / "steps" / "trainer" / "__init__.py").touch()
    (context / "steps" / "trainer" / "__main__.py").write_text(STEP)
    engine.build(IMAGE, context, text=DOCKERFILE)


@pytest.fixture
def walls(engine, tmp_path):
    made = []

    def make(workdir=tmp_path / "work", **limits):
        made.append(Walls(engine, workdir, **limits))
        return made[-1]

    yield make
    for each in made:
        for step in ("prepare", "repro"):
            each.runtime.kill(each.name(step), str(each.run_dir))
        assert not [name for name in engine.running() if name.startswith(each.name(""))]


@pytest.fixture
def metadata_service(engine):
    """A service at the metadata service's address, as a machine in the cloud sees it."""
    subprocess.run(["ip", "address", "add", f"{METADATA}/32", "dev", "lo"], check=True)
    try:
        words = ["--rm", "--detach", "--network", "host", engine.base(), "python3", "-m", "http.server"]
        container = engine.docker("run", *words, "--bind", METADATA, "80").stdout.strip()
        yield
        engine.docker("rm", "--force", container)
    finally:
        subprocess.run(["ip", "address", "del", f"{METADATA}/32", "dev", "lo"], check=True)


@pytest.mark.parametrize("step", ["prepare", "repro"])
def test_a_step_has_no_capability_no_way_to_new_ones_and_no_root_it_can_write(walls, step):
    plan = """
import os, pathlib
print(pathlib.Path("/proc/self/status").read_text())
for folder in ("/", "/usr/bin", "/etc", "/opt", "/root"):
    print(folder, os.access(folder, os.W_OK))
print("user", os.getuid(), os.getgid())
"""
    ended, said = walls().run(plan, step)
    assert (ended.state, ended.exit_code) == (JobState.EXITED, 0)
    status = dict(line.split(":\t", 1) for line in said.splitlines() if ":\t" in line)
    assert {status[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert [line for line in said.splitlines() if line.startswith("/")] == [
        f"{folder} False" for folder in ("/", "/usr/bin", "/etc", "/opt", "/root")
    ]
    assert "user 10001 10001" in said


def test_a_training_writes_its_workspace_and_the_caches_and_nothing_else_of_the_location(walls):
    plan = """
import os, pathlib
run, home = pathlib.Path(os.environ["RUN_DIR"]), pathlib.Path(os.environ["DESK"]).parent
work = home.parent
def can(path):
    try:
        with open(path, "ab"):
            return True
    except OSError:
        return False
print([str(path.relative_to(work)) for path in (
    home / "repo/x", work / "dvc-cache/x", work / "dvc-site/x", run / "log", run / "events.jsonl",
    home / "fence", home / "x", home / "mirror.git/x", home / "mirror.git/objects/x", home / "mirror.git/HEAD",
    run / "decision", run / "notice", run / "jobs/x", work / "x", work / "other/secret",
) if can(path)])
print(sorted(os.listdir(work)), sorted(os.listdir(home)), sorted(os.listdir(run)))
"""
    here = walls()
    (here.workdir / "other").mkdir()
    (here.workdir / "other" / "secret").touch()
    _, said = here.run(plan)
    home = here.repo.parent.name
    wrote, listed = said.splitlines()
    assert wrote == str([f"{home}/repo/x", "dvc-cache/x", "dvc-site/x", "runs/1/log", "runs/1/events.jsonl"])
    assert listed == (
        f"{sorted(['dvc-cache', 'dvc-site', 'runs', home])} "
        "['fence', 'mirror.git', 'repo'] ['events.jsonl', 'jobs', 'log', 'notice']"
    )


def test_no_token_is_in_the_environment_the_inspection_the_arguments_or_the_files_of_a_training(walls):
    here = walls()
    job = here.job("import time; print('here', flush=True); time.sleep(60)")
    here.runtime.launch(job)
    inspected = here.engine.docker("inspect", job.name, f"{job.name}-net").stdout
    inside = here.engine.docker("exec", job.name, "sh", "-c", "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline").stdout
    files = here.engine.docker(
        "exec", job.name, "grep", "-rIl", "--exclude-dir=proc", "--exclude-dir=sys", "canary-walls", "/", check=False
    ).stdout
    assert "canary-walls" not in inspected + inside
    assert files == ""
    assert json.loads(inspected)[0]["Config"]["Labels"]["stationmaster.fence"] == "1"


def test_the_credentials_of_a_step_are_a_file_in_memory_that_shows_nowhere_else(walls):
    here = walls()
    plan = """
import os, pathlib, time
path, = pathlib.Path(os.environ["RUN_DIR"]).glob("jobs/*/secrets.json")
kinds = [line.split()[2] for line in open("/proc/mounts") if line.split()[1] == str(path.parent)]
print(kinds, oct(path.stat().st_mode), "canary-walls" in path.read_text())
print("canary-walls" in str(os.environ), flush=True)
time.sleep(60)
"""
    job = here.job(plan, "prepare")
    here.runtime.launch(job)
    deadline = time.monotonic() + 20
    while "False" not in (said := (here.run_dir / "log").read_text()):
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
    assert said.splitlines() == ["['tmpfs'] 0o100600 True", "False"]
    assert "canary-walls" not in here.engine.docker("inspect", job.name).stdout
    for file in filter(Path.is_file, here.workdir.rglob("*")):
        assert "canary-walls" not in file.read_text(errors="replace") or file.name == "plan.py"
    assert not any(b"canary-walls" in line for line in _command_lines())


def test_the_metadata_service_answers_any_container_on_a_bridge_but_no_training(walls, engine, metadata_service):
    plain = engine.docker(
        "run", "--rm", "--network", "bridge", "--user", "10001:10001", engine.base(), "python3", "-c", ASK
    )
    assert plain.stdout.splitlines() == ["routed 404", "bound_to_the_interface 404"]
    _, said = walls().run(ASK)
    assert said.splitlines() == ["routed nothing", "bound_to_the_interface nothing"]


def test_a_training_cannot_open_the_metadata_service_again(walls, metadata_service):
    _, said = walls().run(_UNDO + ASK)
    assert said.splitlines() == ["refused", "routed nothing", "bound_to_the_interface nothing"]


_UNDO = """
import socket, struct
route = struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 254, 3, 0, 0, 0) + struct.pack("=HH", 8, 1) + bytes([169, 254, 169, 254])
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
    netlink.send(struct.pack("=IHHII", len(route) + 16, 25, 5, 1, 0) + route)
    code, = struct.unpack_from("=i", netlink.recv(9999), 16)
    print("refused" if code < 0 else "undone")
"""


def test_a_training_without_a_network_has_none(walls):
    _, said = walls(network="none").run("import os; print(sorted(os.listdir('/sys/class/net')))")
    assert said == "['lo']\n"


def test_a_step_that_wants_too_much_memory_is_named_so_and_one_that_was_killed_is_not(walls, tmp_path):
    ended, _ = walls(memory="100m").run("x = bytearray(400 << 20)")
    assert (ended.state, ended.exit_code, ended.oom) == (JobState.EXITED, 137, True)
    ended, _ = walls(tmp_path / "two").run("import os; os.kill(os.getpid(), 9)")
    assert (ended.state, ended.exit_code, ended.oom) == (JobState.EXITED, 137, False)


def test_a_fork_bomb_meets_the_limit_and_can_be_killed(walls):
    here = walls(pids=64)
    plan = """
import os, time
try:
    while True:
        if os.fork() == 0:
            time.sleep(600)
except OSError as error:
    print(error.strerror, flush=True)
while True:
    try:
        os.fork()
    except OSError:
        pass
"""
    job = here.job(plan)
    here.runtime.launch(job)
    deadline = time.monotonic() + 30
    while "unavailable" not in (here.run_dir / "log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert here.runtime.status(job.name, job.run_dir).state is JobState.RUNNING
    assert here.runtime.kill(job.name, job.run_dir)
    assert here.runtime.status(job.name, job.run_dir).state is JobState.EXITED


def test_a_full_disk_hides_neither_the_end_nor_the_code(walls, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], check=True)
    try:
        here = walls(disk / "work")
        plan = "import pathlib; print('begun', flush=True); pathlib.Path('big').write_bytes(bytes(9 << 20))"
        ended, said = here.run(plan)
        assert (ended.state, ended.exit_code) == (JobState.EXITED, 1)
        assert "begun" in said
        again = here.runtime.status(here.name("repro"), str(here.run_dir))
        assert again.exit_code == 1
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _command_lines():
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                yield (entry / "cmdline").read_bytes()


def test_a_training_hears_that_its_machine_is_taken_back_and_keeps_what_it_has(walls):
    plan = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit("kept it"))
print("here", flush=True)
time.sleep(300)
"""
    here = walls()
    log, events = here.run_dir / "log", here.run_dir / "events.jsonl"
    with Metadata() as metadata:
        job = here.job(plan)
        job.spec.update(notices=metadata.address, notice_seconds=0.1)
        here.runtime.launch(job)
        until(lambda: log.exists() and "here" in log.read_text(), "it trains")
        metadata.notify("stop")
        here.until_over(job)
    assert "kept it" in log.read_text()
    (failed,) = [json.loads(line) for line in events.read_text().splitlines()]
    assert (failed["kind"], failed["cause"], failed["action"]) == ("failed", "interrupted", "stop")
    until(lambda: not [name for name in here.engine.running() if name.endswith("-notice")], "nobody listens any more")
