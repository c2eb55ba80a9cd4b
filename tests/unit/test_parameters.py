"""What `--set` and a smoke test make of params.yaml: typed by what is there, and nothing else is touched."""

import pytest
from ruamel.yaml import YAML

from trainer.parameters import ParameterError, changed, names

FILE = b"""\
# How it is trained
train:
  epochs: 12               # of all images
  learning_rate: 0.002
  name: "wide"
  shuffle: true
  layers: [8, 16]
  resume: null
smoke:
  train:
    epochs: 1
"""


def read(content):
    return YAML(typ="safe").load(content)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("train.epochs", "3", 3),
        ("train.learning_rate", "1e-3", 0.001),
        ("train.learning_rate", "1", 1.0),
        ("train.name", "12", "12"),
        ("train.name", "", ""),
        ("train.shuffle", "false", False),
        ("train.layers", "[1, 2, 3]", [1, 2, 3]),
        ("train.resume", "last.keras", "last.keras"),
        ("train.resume", "7", 7),
    ],
)
def test_a_value_gets_the_type_of_what_is_there(name, text, value):
    section, key = name.split(".")
    found = read(changed(FILE, {name: text}))[section][key]
    assert found == value
    assert type(found) is type(value)


def test_nothing_but_the_value_is_changed_in_the_file():
    assert changed(FILE, {"train.epochs": "3"}).decode().splitlines()[:-2] == [
        line.replace("epochs: 12 ", "epochs: 3  ").replace("resume: null", "resume:")
        for line in FILE.decode().splitlines()[:-2]
    ]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("train.epoch", "3", "There is no parameter `train.epoch`. Did you mean `train.epochs`?"),
        ("zzz", "3", "There is `train.epochs`, `train.learning_rate`"),
        ("train.epochs.more", "3", "There is no parameter `train.epochs.more`."),
        ("train.epochs", "2.5", "`train.epochs` takes a whole number (now `12`), not `2.5`."),
        ("train.epochs", "true", "`train.epochs` takes a whole number (now `12`), not `true`."),
        ("train.epochs", "many", "`train.epochs` takes a whole number (now `12`), not `many`."),
        ("train.epochs", "[1,", "not `[1,`."),
        ("train.learning_rate", "fast", "`train.learning_rate` takes a number (now `0.002`), not `fast`."),
        ("train.shuffle", "yes", "`train.shuffle` takes `true` or `false` (now `true`), not `yes`."),
        ("train.layers", "8", "takes a list"),
        ("train", "3", "`train` is a group: name one of `train.epochs`"),
    ],
)
def test_what_cannot_be_set_is_said_with_what_could_be(name, text, sentence):
    with pytest.raises(ParameterError) as caught:
        changed(FILE, {name: text})
    assert sentence in str(caught.value)


def test_a_smoke_test_lays_its_section_over_the_rest_and_what_was_typed_over_that():
    assert read(changed(FILE, {}, smoke=True))["train"]["epochs"] == 1
    assert read(changed(FILE, {"train.epochs": "2"}, smoke=True))["train"]["epochs"] == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "has no params.yaml at its top"),
        (b"train: {epochs: 3}\n", "has no section `smoke:`"),
        (b"train: {epochs: 3}\nsmoke:\n", "has no section `smoke:`"),
        (b"train: {epochs: 3}\nsmoke: {train: {epoch: 1}}\n", "`smoke:` in params.yaml: There is no parameter"),
        (b"train: {epochs: 3}\nsmoke: {train: {epochs: few}}\n", "takes a whole number (now `3`), not `few`"),
        (b"- 1\n", "holds no parameters"),
        (b"a: [1\n", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_smoke_test_without_small_values_is_refused_with_what_to_add(content, sentence):
    with pytest.raises(ParameterError) as caught:
        changed(content, {}, smoke=True)
    assert sentence in str(caught.value)


def test_no_run_sets_the_gate_that_it_has_to_pass():
    content = b"train: {epochs: 3}\ngates: {accuracy: {least: 0.9}}\n"
    for name in ("gates.accuracy.least", "gates.accuracy", "gates"):
        with pytest.raises(ParameterError, match="is no parameter of a run"):
            changed(content, {name: "0.1"})


def test_gates_are_no_parameters_that_a_run_could_have_values_for():
    assert names({"train": {"epochs": 3}, "gates": {"accuracy": {"least": 0.9}}}) == ["train.epochs"]
