"""The location's half of the process runtime: one start a name, the truth about it, an end that leaves nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.trainer_world import TOKEN, World, ask
from trainer import durable, jobs
from trainer.job import processes
from trainer.job.order import OrderError

DAEMON = """\
    import os, pathlib, signal, sys, time

    here = pathlib.Path("pids")
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
            with here.open("a") as file:
                file.write(f"{os.getpid()}\\n")
            os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)"], {})
        os._exit(0)
    with here.open("a") as file:
        file.write(f"{os.getpid()}\\n")
    LAST
    """
PIPELINE = "stages:\n  busy:\n    cmd: python src/busy.py\n    deps: [src/busy.py]\n    outs: [pids]\n"


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, str(tmp_path / "store")).make(PIPELINE)
    world.write("src/busy.py", textwrap.dedent(DAEMON).replace("LAST", "time.sleep(60)"))
    world.commit("A training that hides")
    return world


def launched(world, run, step="repro"):
    order = run.order(step)
    assert ask("launch", stdin=json.dumps(order))["ok"] is True
    return order["name"]


def pids_of(world, count=2):
    path = world.repo / "pids"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = path.read_text().split() if path.exists() else []
        if len(found) == count:
            time.sleep(0.1)  # the second one is about to become another program
            return [int(pid) for pid in found]
        time.sleep(0.02)
    raise AssertionError("the training did not start")


def alive(pid):
    process = processes.table().get(pid)
    return process is not None and not process.zombie


def test_kill_ends_a_training_that_made_itself_a_daemon_and_ignores_signals(world):
    run = world.new_run()
    assert run.step("prepare") == 0
    name = launched(world, run)
    pids = pids_of(world)
    assert all(map(alive, pids))
    begun = time.monotonic()
    assert ask("kill", "--run-dir", str(run.run_dir), "--job", name, "--grace", "0.5") == {"gone": True}
    assert time.monotonic() - begun < 15
    assert not any(map(alive, pids))
    assert jobs.status(run.run_dir, name)["state"] == "exited"
    assert (run.run_dir / "jobs" / name / "exit.json").exists()
    assert ask("kill", "--run-dir", str(run.run_dir), "--job", name) == {"gone": True}


def test_a_daemon_that_a_finished_training_left_behind_is_ended(world):
    world.change(src__busy_py=textwrap.dedent(DAEMON).replace("LAST", "time.sleep(0.3)"))
    run = world.new_run()
    assert run.step("prepare") == 0
    name = launched(world, run)
    pids = pids_of(world)
    assert run.wait(name) == 0
    assert not any(map(alive, pids))


def test_a_killed_training_leaves_a_workspace_that_trains_again(world):
    run = world.new_run()
    run.step("prepare")
    name = launched(world, run)
    pids_of(world)
    ask("kill", "--run-dir", str(run.run_dir), "--job", name, "--grace", "0")
    world.change(src__busy_py="open('pids', 'w').write('done')\n")
    again = world.new_run()
    again.all_steps()
    assert again.stages() == {"busy": "finished"}


def test_a_supervisor_that_was_killed_makes_the_job_lost_and_nobody_survives_it(world):
    run = world.new_run()
    run.step("prepare")
    name = launched(world, run)
    pids = pids_of(world)
    marked = [pid for pid in pids if processes.MARK.encode() in Path(f"/proc/{pid}/environ").read_bytes()]
    keeper = durable.read_json(run.run_dir / "jobs" / name / "supervisor.json")
    os.kill(keeper["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while jobs.status(run.run_dir, name)["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert jobs.status(run.run_dir, name)["state"] == "lost"
    assert len(marked) == 1
    assert not alive(marked[0])
    processes.send(pids, signal.SIGKILL)  # the other one: without its keeper nothing can tell whose it was


def test_of_many_launches_of_one_name_one_starts(world):
    run = world.new_run()
    order = json.dumps(run.order("prepare"))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ask("launch", stdin=order), range(6)))
    assert [answer["ok"] for answer in answers] == [True] * 6
    assert sorted(answer["already"] for answer in answers) == [False, True, True, True, True, True]
    assert run.wait(json.loads(order)["name"]) == 0
    assert len([event for event in run.events("step") if event["state"] == "started"]) == 1


def test_a_launch_after_a_kill_starts_nothing(world):
    run = world.new_run()
    order = run.order("prepare")
    assert jobs.status(run.run_dir, order["name"])["state"] == "absent"
    assert ask("kill", "--run-dir", str(run.run_dir), "--job", order["name"]) == {"gone": True}
    assert ask("launch", stdin=json.dumps(order)) == {"ok": True, "already": True}
    assert jobs.status(run.run_dir, order["name"]) == {
        "state": "exited",
        "exit_code": 137,
        "oom": False,
        "events_size": 0,
        "log_size": 0,
    }


def test_a_launcher_that_died_on_the_way_is_made_good_by_the_next_launch(world):
    run = world.new_run()
    order = run.order("prepare")
    (run.run_dir / "jobs" / order["name"]).mkdir(parents=True)
    assert jobs.status(run.run_dir, order["name"])["state"] == "absent"
    assert ask("launch", stdin=json.dumps(order)) == {"ok": True, "already": False}
    assert run.wait(order["name"]) == 0


def test_a_reused_process_number_is_not_taken_for_the_job(world):
    run = world.new_run()
    folder = run.run_dir / "jobs" / "run-1"
    folder.mkdir(parents=True)
    durable.write_json(folder / "supervisor.json", {**processes.identity(os.getpid()), "start": "1"})
    assert jobs.status(run.run_dir, "run-1")["state"] == "lost"
    assert ask("kill", "--run-dir", str(run.run_dir), "--job", "run-1") == {"gone": True}


def test_a_job_from_before_a_reboot_is_lost(world):
    run = world.new_run()
    folder = run.run_dir / "jobs" / "run-1"
    folder.mkdir(parents=True)
    durable.write_json(folder / "supervisor.json", {**processes.identity(os.getpid()), "boot": "another"})
    assert jobs.status(run.run_dir, "run-1")["state"] == "lost"


def test_an_older_fence_is_refused_and_a_newer_one_stays(world):
    run = world.new_run()
    assert ask("launch", stdin=json.dumps(run.order("prepare", fence=5)))["ok"] is True
    refused = ask("launch", stdin=json.dumps(run.order("prepare", fence=4)))
    assert refused["ok"] is False
    assert refused["fenced"] is True
    assert ask("fence", "--workdir", str(world.workdir), "--project", "team/tiny") == {"fence": 5}
    assert ask("launch", stdin=json.dumps(run.order("prepare", fence=6)))["ok"] is True
    run.wait(f"run-{run.uid}-prepare-3")
    run.wait(f"run-{run.uid}-prepare-1")


def test_sizes_say_how_far_a_read_may_go(world):
    run = world.new_run()
    name = f"run-{run.uid}-prepare-1"
    run.step("prepare")
    answer = ask("status", "--run-dir", str(run.run_dir), "--job", name)
    assert answer["state"] == "exited"
    assert answer["exit_code"] == 0
    assert answer["events_size"] == (run.run_dir / "events.jsonl").stat().st_size > 0


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"name": "../x"}, "job name"),
        ({"step": "rm"}, "step"),
        ({"fence": "7"}, "fence"),
        ({"run_dir": "relative"}, "run_dir"),
        ({"workdir": "/a/../b"}, "workdir"),
        ({"spec": {}}, "spec"),
    ],
)
def test_an_order_that_is_none_is_refused_with_the_field(world, order, words):
    run = world.new_run()
    full = {**run.order("prepare"), **order}
    command = [sys.executable, "-P", "-m", "trainer.jobs", "launch"]
    done = subprocess.run(command, input=json.dumps(full), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_training_sees_no_secret_and_none_is_left_on_the_disk(world, monkeypatch):
    canaries = ["sandbox-canary-one", "sandbox-canary-two", TOKEN]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", canaries[0])
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-sandbox")
    look = r"""
        import os, subprocess
        seen = subprocess.getoutput("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        seen += repr(dict(os.environ)) + open(f"/proc/{os.getppid()}/environ").read()
        open("pids", "w").write(seen)
        """
    world.change(src__busy_py=textwrap.dedent(look))
    run = world.new_run()
    for step in ("prepare", "repro", "publish"):
        order = run.order(step)
        order["secrets"]["env"] = {"STATIONMASTER_CANARY": canaries[1]}
        assert ask("launch", stdin=json.dumps(order))["ok"]
        assert run.wait(order["name"]) == 0, run.failure()
    seen = (world.repo / "pids").read_text()
    assert "PATH" in seen
    assert not [canary for canary in [*canaries, "xoxb-sandbox"] if canary in seen]
    everything = [path for path in (*run.run_dir.rglob("*"), *world.places.home.rglob("*")) if path.is_file()]
    assert not [path for path in everything for canary in canaries if canary.encode() in path.read_bytes()]
    assert not list(run.run_dir.rglob("secrets.json"))


def test_secrets_can_be_read_by_their_owner_alone(world, monkeypatch):
    run = world.new_run()
    modes = []
    monkeypatch.setattr(jobs, "_detach", lambda _: modes.extend(_modes(run)))
    for step in ("publish", "repro"):
        with pytest.raises(OrderError, match="could not be started"):
            jobs.launch(run.order(step), {})
    assert modes == [0o600, 0o600]  # the one of publish, seen twice: repro has none


def _modes(run):
    return [path.stat().st_mode & 0o777 for path in run.run_dir.rglob("secrets.json")]
