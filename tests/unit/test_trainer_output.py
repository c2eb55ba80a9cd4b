"""Output as a person would have seen it, and metrics found in it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.events import EventLog, parse
from trainer.stages import metrics
from trainer.stages.metrics import Watch
from trainer.stages.output import Tail, clean


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (b"plain", "plain"),
        (b"\x1b[1;31mred\x1b[0m text", "red text"),
        (b"10%\r50%\r100% done", "100% done"),
        (b"50%\r", "50%"),
        (b"1/3\x08\x08\x08\x08\x082/3", "2/3"),
        (b"\x1b]0;title\x07prompt", "prompt"),
        (b"caf\xe9 \xff", "caf\ufffd \ufffd"),
        (b"bell\x07 null\x00", "bell null"),
        (b"", ""),
        (b"x" * 5000, "x" * 2000),
    ],
)
def test_a_line_is_shown_as_on_a_terminal(raw, seen):
    assert clean(raw) == seen


@given(st.binary())
def test_no_line_can_carry_control_characters_or_grow_too_long(raw):
    text = clean(raw)
    assert len(text) <= 2000
    assert not any(ord(letter) < 32 and letter not in "\t\n" for letter in text)


def test_the_tail_keeps_the_last_lines_and_forgets_those_of_another_stage():
    tail = Tail(3)
    for line in ["a", "", "b", "c", "  ", "d"]:
        tail.add(line)
    assert tail.lines == ["b", "c", "d"]
    tail.clear()
    assert tail.lines == []


def test_nested_values_become_dotted_numbers():
    values = {"loss": 0.5, "train": {"acc": 1, "name": "x"}, "ok": True, "bad": float("nan"), "far": float("inf")}
    assert metrics.numbers(values) == {"loss": 0.5, "train.acc": 1}


@pytest.mark.parametrize(
    ("line", "found"),
    [("Epoch 3/12", (3, 12)), ("epoch [4/10] loss", (4, 10)), ("Epoch: 3", None), ("no", None)],
)
def test_epochs_are_read_from_lines(line, found):
    assert metrics.epoch(line) == found


class Watched:
    """A watch over one file, looked at by hand."""

    def __init__(self, folder):
        self.path = folder / "metrics.json"
        self.log = folder / "events.jsonl"
        self.watch = Watch(EventLog(self.log), lambda: [self.path])

    def told(self):
        content = self.log.read_bytes() if self.log.exists() else b""
        return [dict(event.data) for event in parse(content)[0]]


def test_each_change_of_a_metrics_file_is_told_once(tmp_path):
    watched = Watched(tmp_path)
    watched.watch.hear("Epoch 1/5")
    watched.path.write_text(json.dumps({"step": 0, "loss": 1.0}))
    watched.watch.look()
    watched.watch.look()
    watched.path.write_text(json.dumps({"step": 1, "loss": 0.25}))
    watched.watch.look()
    assert watched.told() == [
        {"step": 1, "of": 5, "values": {"loss": 1.0}},
        {"step": 2, "of": 5, "values": {"loss": 0.25}},
    ]


def test_a_file_that_is_being_written_is_tried_again(tmp_path):
    watched = Watched(tmp_path)
    watched.path.write_text('{"loss": 0.')
    watched.watch.look()
    watched.path.write_text('{"loss": 0.5}')
    watched.watch.look()
    assert watched.told() == [{"step": 0, "of": None, "values": {"loss": 0.5}}]


def test_epochs_of_another_stage_do_not_count(tmp_path):
    watched = Watched(tmp_path)
    watched.watch.hear("Epoch 5/5")
    watched.watch.begin_stage()
    watched.path.write_text('{"score": 1}')
    watched.watch.look()
    assert watched.told() == [{"step": 0, "of": None, "values": {"score": 1}}]
