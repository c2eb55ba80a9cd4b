"""The cloud's notice that it takes the machine back: how it is asked for; a service that fails disturbs nobody."""

import json
import socket
import threading

import pytest

from tests.doubles.metadata import Metadata
from trainer.job import decision, notice
from trainer.job.notice import Notice
from trainer.job.order import read

WHEN = "2026-01-02T03:04:05Z"


@pytest.fixture
def metadata():
    with Metadata() as metadata:
        yield metadata


def nobody():
    """The address of a port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def order(tmp_path, **spec):
    record = {"name": "run-1-repro-1", "step": "repro", "fence": 1, "run_dir": str(tmp_path), "workdir": str(tmp_path)}
    return read({**record, "spec": {"project": "team/tiny", **spec}})


def test_without_a_notice_there_is_none_and_one_token_serves_all_questions(metadata):
    asked = notice.Metadata(metadata.address)
    assert [asked.ask(), asked.ask()] == [None, None]
    assert [(method, status) for method, _, status in metadata.asked] == [("PUT", 200), ("GET", 404), ("GET", 404)]


@pytest.mark.parametrize("action", ["stop", "terminate", "hibernate"])
def test_a_notice_says_what_happens_and_when(metadata, action):
    metadata.notify(action, WHEN)
    assert notice.Metadata(metadata.address).ask() == Notice(action, WHEN)


def test_a_token_that_ran_out_is_made_anew(metadata):
    asked = notice.Metadata(metadata.address)
    asked.ask()
    metadata.forget_tokens()
    metadata.notify("stop")
    with pytest.raises(OSError, match="401"):
        asked.ask()
    assert asked.ask() == Notice("stop", WHEN)


def test_no_proxy_hears_the_question(metadata, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, nobody())
    assert notice.Metadata(metadata.address).ask() is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"action": "dance"}', b'{"time": "2026"}', b"\xff"])
def test_what_is_no_notice_is_an_answer_that_fails(body):
    with pytest.raises(OSError, match="metadata service"):
        notice.read(body)


def test_a_service_that_fails_for_a_while_is_asked_again(metadata):
    asked, tries = notice.Metadata(metadata.address), []

    def ask():
        tries.append(1)
        metadata.broken = 1 < len(tries) < 3 * notice.TRIES
        if len(tries) == 4 * notice.TRIES:
            metadata.notify("stop", WHEN)
        return asked.ask()

    assert notice.hear(ask, threading.Event(), 0.001) == Notice("stop", WHEN)
    assert 500 in [status for _, _, status in metadata.asked]


def test_a_service_that_never_answers_is_left_alone():
    tries = []

    def ask():
        tries.append(1)
        raise OSError("nobody there")

    assert notice.hear(ask, threading.Event(), 0.001) is None
    assert len(tries) == notice.TRIES


def test_nobody_listening_and_nonsense_are_failures_that_the_watch_knows(metadata):
    with pytest.raises(OSError):  # noqa: PT011 - each system has its own words
        notice.Metadata(nobody()).ask()
    metadata.broken = True
    with pytest.raises(OSError, match="no token: 500"):
        notice.Metadata(metadata.address).ask()


def test_a_job_whose_machine_nobody_takes_back_asks_nobody(tmp_path):
    assert notice.watch(order(tmp_path)) is None
    assert notice.watch(order(tmp_path, notices=None)) is None
    assert notice.watch(order(tmp_path, notices="http://127.0.0.1:1")) is not None


def test_a_step_behind_a_wall_reads_what_was_written_down_for_it(metadata, tmp_path):
    file = tmp_path / notice.FILE
    file.touch()
    assert notice.written(file) is None
    file.write_text('{"action": "stop"')  # half of it
    assert notice.written(file) is None
    metadata.notify("terminate", WHEN)
    before = file.stat().st_ino
    assert notice.main([metadata.address, str(file)]) == 0
    assert notice.written(file) == Notice("terminate", WHEN)
    assert file.stat().st_ino == before  # a mount of the file would not see another one


def test_a_push_that_was_decided_goes_on_and_the_notice_comes_too_late(tmp_path):
    decision.take(tmp_path, "push")
    watch = notice.Watch("publish", tmp_path, lambda: Notice("stop", WHEN), 0.001)
    watch.start()
    watch.join()
    assert watch.end() is None


def test_the_cause_is_left_in_the_events(tmp_path):
    notice.say(Notice("stop", WHEN), "repro", tmp_path)
    said = json.loads((tmp_path / "events.jsonl").read_text())
    assert (said["kind"], said["cause"], said["action"]) == ("failed", "interrupted", "stop")
    assert said["message"] == "The notice said that the machine would be stopped at 2026-01-02 03:04:05 UTC."
