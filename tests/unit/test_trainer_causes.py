"""Why a stage failed, in one word and one sentence."""

from __future__ import annotations

import pytest

from trainer.stages import causes


@pytest.mark.parametrize(
    ("code", "lines", "oom", "cause"),
    [
        (1, ["Traceback", "ValueError: no"], False, "code"),
        (1, ["MemoryError"], False, "out-of-memory"),
        (1, ["torch.cuda.OutOfMemoryError: CUDA out of memory. Tried"], False, "out-of-memory"),
        (1, ["ResourceExhaustedError: OOM when allocating tensor"], False, "out-of-memory"),
        (-9, [], True, "out-of-memory"),
        (137, [], True, "out-of-memory"),
        (137, [], False, "killed"),
        (-9, ["fine so far"], False, "killed"),
        (1, ["OSError: [Errno 28] No space left on device"], False, "disk-full"),
        (6, ["curl: (6) Could not resolve host: example.com"], False, "network"),
        (-11, [], False, "code"),
        (139, [], False, "code"),
        (127, ["sh: 1: pyhton: not found"], False, "code"),
        (None, [], False, "code"),
    ],
)
def test_a_command_s_end_is_classified(code, lines, oom, cause):
    found = causes.of_command("train", code, lines, oom=oom)
    assert found.name == cause
    assert "train" in found.message
    assert found.message.endswith(".")


def test_signals_and_missing_commands_are_said_in_words():
    assert "signal 11" in causes.of_command("train", 139, [], oom=False).message
    assert "not found" in causes.of_command("train", 127, [], oom=False).message


def named(name, *bases):
    return type(name, bases or (Exception,), {})


DVC = named("DvcException")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (named("LockError", DVC)("x"), "lock"),
        (named("RWLockFileCorruptedError", DVC)("x"), "lock"),
        (named("YAMLValidationError", DVC)("x"), "pipeline"),
        (named("CyclicGraphError", DVC)("x"), "pipeline"),
        (named("DependencyDoesNotExistError", DVC)("data"), "missing-data"),
        (named("CheckoutError", DVC)("data"), "missing-data"),
        (named("OutputDoesNotExistError", DVC)("model.txt"), "code"),
        (OSError(28, "No space left on device"), "disk-full"),
        (MemoryError(), "out-of-memory"),
        (DVC("something of DVC"), "pipeline"),
        (ZeroDivisionError("a bug"), "internal"),
    ],
)
def test_dvc_s_own_failures_are_classified_by_their_root(error, cause):
    outer = named("ReproductionError", DVC)("failed to reproduce 'train'")
    found = causes.of_exception([outer, error])
    assert found.name == cause
    assert found.message.endswith(".")
