"""The `process` runtime's half of the talk with `trainer.jobs`: what it says, and what it makes of the answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from bot.errors import Conflict, Unavailable
from bot.locations.process import ProcessRuntime
from bot.locations.shell import CommandResult
from bot.ports import Job, JobState, JobStatus

JOB = Job("run-1-repro", "repro", 7, "/w/runs/1", "/w", {"project": "team/fruits"}, {"token": "sandbox-bot-token"})


@dataclass
class Echo:
    """A shell that gives one answer and remembers what it was asked."""

    stdout: bytes = b"{}"
    code: int = 0
    stderr: bytes = b""
    asked: list[tuple[list[str], bytes]] = field(default_factory=list)

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float) -> CommandResult:
        assert timeout > 0
        self.asked.append((list(argv), stdin))
        return CommandResult(self.code, self.stdout, self.stderr)

    def read(self, path: str, offset: int, limit: int) -> bytes:
        raise NotImplementedError


def answering(stdout: object, **rest: object) -> ProcessRuntime:
    said = stdout if isinstance(stdout, bytes) else json.dumps(stdout).encode()
    return ProcessRuntime(Echo(said, **rest), "/venv/bin/python")


def test_the_order_goes_through_standard_input_and_no_part_of_it_through_the_command_line():
    shell = Echo(b'{"ok": true, "already": false}')
    ProcessRuntime(shell, "/venv/bin/python").launch(JOB)
    ((argv, stdin),) = shell.asked
    assert argv == ["/venv/bin/python", "-P", "-m", "trainer.jobs", "launch"]
    assert json.loads(stdin) == {
        "name": "run-1-repro",
        "step": "repro",
        "fence": 7,
        "run_dir": "/w/runs/1",
        "workdir": "/w",
        "spec": {"project": "team/fruits"},
        "secrets": {"token": "sandbox-bot-token"},
    }


def test_a_job_does_not_show_its_secrets():
    assert "sandbox-bot-token" not in repr(JOB)


def test_the_other_verbs_name_the_run_and_the_job():
    shell = Echo(b'{"state": "absent", "gone": true, "decision": "push"}')
    runtime = ProcessRuntime(shell, "python")
    runtime.status("run-1-repro", "/w/runs/1")
    runtime.kill("run-1-repro", "/w/runs/1")
    runtime.decide("/w/runs/1", "cancel")
    assert [argv[4:] for argv, _ in shell.asked] == [
        ["status", "--run-dir", "/w/runs/1", "--job", "run-1-repro"],
        ["kill", "--run-dir", "/w/runs/1", "--job", "run-1-repro"],
        ["decide", "--run-dir", "/w/runs/1", "--as", "cancel"],
    ]


def test_a_job_that_runs_already_is_no_error():
    answering({"ok": True, "already": True}).launch(JOB)


def test_a_fenced_launch_is_a_conflict():
    with pytest.raises(Conflict, match="newer reservation"):
        answering({"ok": False, "fenced": True}).launch(JOB)


def test_a_launch_that_is_neither_done_nor_fenced_may_be_tried_again():
    with pytest.raises(Unavailable, match="run-1-repro was not started"):
        answering({"ok": False}).launch(JOB)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"state": "absent"}, JobStatus(JobState.ABSENT)),
        ({"state": "running", "exit_code": None, "log_size": 9}, JobStatus(JobState.RUNNING, log_size=9)),
        (
            {"state": "exited", "exit_code": 137, "oom": True, "events_size": 5, "log_size": 6, "new": 1},
            JobStatus(JobState.EXITED, 137, True, 5, 6),
        ),
        ({"state": "lost", "exit_code": None}, JobStatus(JobState.LOST)),
    ],
)
def test_a_status_is_read_as_it_was_said(answer, status):
    assert answering(answer).status("run-1-repro", "/w/runs/1") == status


@pytest.mark.parametrize("answer", [{}, {"state": "tired"}, {"state": "exited", "exit_code": "x"}])
def test_a_status_that_makes_no_sense_decides_nothing(answer):
    with pytest.raises(Unavailable, match="something else than a status"):
        answering(answer).status("run-1-repro", "/w/runs/1")


def test_only_a_plain_yes_means_that_nothing_is_left():
    assert answering({"gone": True}).kill("run-1-repro", "/w/runs/1") is True
    assert answering({"gone": "maybe"}).kill("run-1-repro", "/w/runs/1") is False


def test_a_decision_that_is_none_is_asked_again():
    with pytest.raises(Unavailable, match="did not say what was decided"):
        answering({"decision": "perhaps"}).decide("/w/runs/1", "push")


@pytest.mark.parametrize("noise", [b"", b"warning: clock skew\n"])
def test_what_the_location_says_before_the_answer_is_passed_over(noise):
    assert answering(noise + b'{"gone": true}\n').kill("run-1-repro", "/w/runs/1") is True


@pytest.mark.parametrize("said", [b"", b"command not found", b"[1]", b"\xff\xfe"])
def test_no_answer_is_for_later(said):
    with pytest.raises(Unavailable, match=r"`trainer.jobs kill` gave no answer"):
        answering(said).kill("run-1-repro", "/w/runs/1")


def test_a_failure_brings_the_last_line_of_what_was_said():
    runtime = answering(b"", code=1, stderr=b"Traceback ...\nModuleNotFoundError: No module named 'trainer'\n")
    with pytest.raises(Unavailable, match="failed at the location: ModuleNotFoundError: No module named 'trainer'"):
        runtime.status("run-1-repro", "/w/runs/1")
