"""The wire format: whole lines or none, numbered, and nothing lost to a writer that died."""

from __future__ import annotations

import json
import threading

from hypothesis import given
from hypothesis import strategies as st

from trainer.events import Event, EventLog, parse


def test_a_line_comes_back_as_it_was_written(tmp_path):
    log = EventLog(tmp_path / "events.jsonl")
    log.emit("stage", name="train", index=2, of=4, state="started")
    content = (tmp_path / "events.jsonl").read_bytes()
    events, taken = parse(content)
    assert taken == len(content)
    assert [(event.seq, event.kind) for event in events] == [(1, "stage")]
    assert events[0].data == {"name": "train", "index": 2, "of": 4, "state": "started"}
    assert events[0].at.endswith("Z")


def test_a_half_written_last_line_waits_for_its_end(tmp_path):
    log = EventLog(tmp_path / "events.jsonl")
    log.emit("log", text="one")
    log.emit("log", text="two")
    content = (tmp_path / "events.jsonl").read_bytes()
    events, taken = parse(content[:-5])
    assert [event.data["text"] for event in events] == ["one"]
    rest, _ = parse(content[taken:])
    assert [event.data["text"] for event in rest] == ["two"]


def test_a_writer_that_died_in_the_middle_of_a_line_spoils_only_that_line(tmp_path):
    path = tmp_path / "events.jsonl"
    EventLog(path).emit("log", text="one")
    with path.open("ab") as file:
        file.write(b'{"v": 1, "seq": 2, "ki')
    EventLog(path).emit("log", text="three")
    events, _ = parse(path.read_bytes())
    assert [(event.seq, event.data["text"]) for event in events] == [(1, "one"), (2, "three")]


def test_numbers_go_on_where_the_last_writer_ended(tmp_path):
    path = tmp_path / "events.jsonl"
    for _ in range(3):
        EventLog(path).emit("log", text="x")
    assert [event.seq for event in parse(path.read_bytes())[0]] == [1, 2, 3]


def test_many_threads_write_whole_lines_with_numbers_of_their_own(tmp_path):
    path = tmp_path / "events.jsonl"
    log = EventLog(path)

    def write():
        for _ in range(50):
            log.emit("transfer", files=1)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [json.loads(line)["seq"] for line in path.read_text().splitlines()]
    assert numbers == list(range(1, 201))


def test_what_is_not_known_is_kept():
    events, _ = parse(b'{"v": 9, "seq": 1, "at": "now", "kind": "quantum", "spin": [1]}\n')
    assert events == [Event(seq=1, at="now", kind="quantum", data={"spin": [1]})]


def test_lines_that_are_no_events_are_passed_over():
    events, taken = parse(b'nonsense\n[1]\n{"no": "kind"}\n{"kind": "log", "text": "x"}\n')
    assert [event.kind for event in events] == ["log"]
    assert taken == len(b'nonsense\n[1]\n{"no": "kind"}\n{"kind": "log", "text": "x"}\n')


@given(st.binary())
def test_no_bytes_at_all_make_the_reader_fail(content):
    events, taken = parse(content)
    assert taken <= len(content)
    assert all(isinstance(event, Event) for event in events)
