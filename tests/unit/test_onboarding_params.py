"""`smoke:` and `gates:` in params.yaml: examples, and what is wrong with what is there."""

import pytest

from trainer.onboarding import params
from trainer.onboarding.finding import State

BASE = "seed: 1\ntrain:\n  epochs: 3\n  classes: [1, 2]\n"


def problems(text):
    return [each.sentence for each in params.check((BASE + text).encode()) if each.state is State.TODO]


@pytest.mark.parametrize("text", ["", BASE, BASE.rstrip("\n"), "# only this\n"])
def test_examples_are_put_below_what_is_there_and_only_once(text):
    once = params.with_examples(text)
    assert once.startswith(text)
    assert once.count("# smoke:") == once.count("# gates:") == 1
    assert params.with_examples(once) == once


def test_only_the_missing_example_is_added():
    once = params.with_examples(f"{BASE}smoke:\n  seed: 2\n")
    assert "# smoke:" not in once
    assert "# gates:" in once


@pytest.mark.parametrize(
    "text",
    [
        "smoke:\n  seed: 2\n  train:\n    epochs: 1\n",
        "smoke:\n",
        "gates:\n  accuracy: {better: higher, tolerance: 0.005}\n  loss: {better: lower}\n",
        "",
    ],
)
def test_what_can_be_used_is_not_complained_of(text):
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("smoke: fast\n", "`smoke:`"),
        ("smoke:\n  epochs: 1\n", "`smoke.epochs`"),
        ("smoke:\n  train:\n    epoch: 1\n", "`smoke.train.epoch`"),
        ("smoke:\n  train: 1\n", "`smoke.train:`"),
        ("smoke:\n  smoke: {}\n", "`smoke.smoke`"),
        ("gates: [accuracy]\n", "`gates:`"),
        ("gates:\n  accuracy: higher\n", "`gates.accuracy`"),
        ("gates:\n  accuracy: {better: more}\n", "`gates.accuracy`"),
        ("gates:\n  accuracy: {better: higher, tolerance: -1}\n", "`gates.accuracy`"),
        ("gates:\n  accuracy: {better: higher, tolerance: true}\n", "`gates.accuracy`"),
        ("gates:\n  accuracy: {better: higher, tolerence: 0.1}\n", "`gates.accuracy`"),
    ],
)
def test_what_would_do_nothing_or_something_else_is_named(text, named):
    (sentence,) = problems(text)
    assert named in sentence


@pytest.mark.parametrize("text", ["a: [", "- a\n"])
def test_a_file_that_is_no_mapping_is_said_to_be_none(text):
    (finding,) = params.check(text.encode())
    assert finding.state is State.TODO
