"""Gates: how they are read, and when a result fails one."""

import math

import pytest

from bot.runs.gates import failings
from trainer.definition import gates
from trainer.definition.gates import Gate, GateError

UP = Gate("accuracy", better="higher", tolerance=0.005)
DOWN = Gate("loss", better="lower")
EARLIER = [("v2", {"accuracy": 0.95, "loss": 0.3}), ("v1", {"accuracy": 0.97, "loss": 0.2}), ("v0", {"other": 1})]


# reading


def test_the_rules_of_a_file_are_read_with_their_types():
    found = gates.read(b"gates:\n  accuracy: {better: higher, tolerance: 0.005}\n  onnx.same: {least: 0.99, most: 1}\n")
    assert found == (UP, Gate("onnx.same", least=0.99, most=1))


@pytest.mark.parametrize("content", [None, b"", b"train: {epochs: 3}\n", b"gates:\n", b"- a\n"])
def test_a_project_without_gates_has_none(content):
    assert gates.read(content) == ()


@pytest.mark.parametrize(
    "text",
    [
        "gates: [accuracy]",
        "gates: {accuracy: higher}",
        "gates: {accuracy: {}}",
        "gates: {accuracy: {better: more}}",
        "gates: {accuracy: {better: higher, tolerance: -1}}",
        "gates: {accuracy: {better: higher, tolerance: .nan}}",
        "gates: {accuracy: {tolerance: 0.1, least: 0.9}}",
        "gates: {accuracy: {least: true}}",
        "gates: {accuracy: {least: high}}",
        "gates: {accuracy: {at_least: 0.9}}",
        "gates: {",
    ],
)
def test_a_rule_that_is_none_is_an_error_and_never_no_gate(text):
    with pytest.raises(GateError, match=r"params\.yaml"):
        gates.read(text.encode())


# judging


@pytest.mark.parametrize(
    ("gate", "metrics", "earlier", "said"),
    [
        (UP, {"accuracy": 0.97}, EARLIER, None),
        (UP, {"accuracy": 0.99}, EARLIER, None),
        (UP, {"accuracy": 0.965}, EARLIER, None),  # exactly the tolerance, whatever floats make of it
        (UP, {"accuracy": 0.96}, EARLIER, "`accuracy` is 0.96, worse by 0.01 than the 0.97 of `v1`; 0.005 is allowed."),
        (UP, {"accuracy": 0.1}, [], None),
        (UP, {"accuracy": 0.1}, [("v0", {"other": 1})], None),
        (UP, {"accuracy": 0.1}, [("v0", {"accuracy": None})], None),
        (DOWN, {"loss": 0.2}, EARLIER, None),
        (DOWN, {"loss": 0.1}, EARLIER, None),
        (DOWN, {"loss": 0.21}, EARLIER, "`loss` is 0.21, worse by 0.01 than the 0.2 of `v1`."),
        (DOWN, {"loss": 3}, [("v1", {"loss": 2})], "`loss` is 3, worse by 1 than the 2 of `v1`."),
        (Gate("same", least=0.99), {"same": 0.99}, [], None),
        (Gate("same", least=0.99), {"same": 0.98}, [], "`same` is 0.98; at least 0.99 is asked for."),
        (Gate("off", most=0.1), {"off": 0.1}, [], None),
        (Gate("off", most=0.1), {"off": 0.2}, [], "`off` is 0.2; at most 0.1 is asked for."),
        (UP, {}, [], "`accuracy` is not among the metrics of this result."),
        (
            UP,
            {"metrics.accuracy": 1},
            [],
            "`accuracy` is not among the metrics of this result. Did you mean `metrics.accuracy`?",
        ),
        (UP, {"accuracy": None}, [], "`accuracy` is `None`, which cannot be compared."),
        (UP, {"accuracy": True}, [], "`accuracy` is `True`, which cannot be compared."),
        (UP, {"accuracy": "high"}, [], "`accuracy` is `high`, which cannot be compared."),
        (UP, {"accuracy": math.nan}, [], "`accuracy` is `nan`, which cannot be compared."),
    ],
)
def test_a_result_passes_a_gate_or_is_told_by_how_much_it_fails(gate, metrics, earlier, said):
    assert failings([gate], metrics, earlier) == ([said] if said else [])


def test_every_gate_that_fails_is_named():
    both = failings([UP, DOWN, Gate("same", least=0.9)], {"accuracy": 0.5, "loss": 0.9, "same": 1.0}, EARLIER)
    assert [sentence.split(" ")[0] for sentence in both] == ["`accuracy`", "`loss`"]
