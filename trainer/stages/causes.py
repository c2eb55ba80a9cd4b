"""Why a stage failed, as a class and a sentence. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_OUT_OF_MEMORY = re.compile(
    r"MemoryError|std::bad_alloc|Cannot allocate memory|ResourceExhausted|RESOURCE_EXHAUSTED|OutOfMemory"
    r"|CUDA out of memory|CUDA_ERROR_OUT_OF_MEMORY|failed to allocate memory|OOM when allocating|Killed process",
)
_DISK_FULL = re.compile(r"No space left on device|Disk quota exceeded|ENOSPC")
_NETWORK = re.compile(
    r"Temporary failure in name resolution|Name or service not known|Network is unreachable"
    r"|Failed to establish a new connection|Connection (?:refused|timed out)|Could not resolve host"
)
_SIGKILL = 9
_SIGNALLED = 128
"""A shell ends with this and the number of the signal that ended its command."""
_NOT_FOUND = 127
_NOT_EXECUTABLE = 126

_BY_CLASS = {
    "LockError": ("lock", "Another DVC process holds the workspace."),
    "RWLockFileCorruptedError": ("lock", "DVC's lock file in the workspace is damaged."),
    "RWLockFileFormatError": ("lock", "DVC's lock file in the workspace is damaged."),
    "CheckoutError": ("missing-data", "Data that the pipeline needs is not in the cache"),
    "CollectCacheError": ("missing-data", "Data that the pipeline needs is not in the cache"),
    "FileMissingError": ("missing-data", "Data that the pipeline needs is not there"),
    "DependencyDoesNotExistError": ("missing-data", "A dependency of the stage does not exist"),
    "MissingDataSource": ("missing-data", "Data that the pipeline needs is not there"),
    "OutputDoesNotExistError": ("code", "The stage ended well but did not write an output that dvc.yaml promises"),
    "MemoryError": ("out-of-memory", "Memory ran out."),
}
_PIPELINE_CLASSES = re.compile(
    r"YAML|Syntax|Validation|Parse|Resolve|Context|Graph|Circular|Overlap|Duplicat|StagePath|StageFile|StageNotFound"
    r"|StageExternal|OutputIs|DependencyIs|Argument|ParamsLoad|MissingParams|FileIsGitIgnored|NotDvcRepo|NoOutputOrStage"
)


@dataclass(frozen=True)
class Cause:
    """`name` is one of `trainer.events.CAUSES`; `message` a sentence for a person."""

    name: str
    message: str


def of_command(stage: str, code: int | None, lines: Sequence[str], *, oom: bool) -> Cause:
    """Why the command of a stage failed: its exit code (negative, or 128 + n, for signal n) and its last lines."""
    text = "\n".join(lines)
    killed = code in (-_SIGKILL, _SIGNALLED + _SIGKILL)
    if (killed and oom) or _OUT_OF_MEMORY.search(text):
        advice = "A smaller batch size or a larger machine would help."
        return Cause("out-of-memory", f"The stage {stage} ran out of memory. {advice}")
    if _DISK_FULL.search(text):
        advice = "Free space at the location, train again."
        return Cause("disk-full", f"The disk was full while the stage {stage} ran. {advice}")
    if killed:
        usual = "want of memory is the usual reason"
        return Cause("killed", f"The stage {stage} was killed from outside (signal 9); {usual}.")
    if _NETWORK.search(text):
        return Cause("network", f"The stage {stage} could not reach the network (exit code {code}).")
    return Cause("code", _exit_in_words(stage, code))


def _exit_in_words(stage: str, code: int | None) -> str:
    if code is not None and (code < 0 or code > _SIGNALLED):
        return f"The stage {stage} was ended by signal {-code if code < 0 else code - _SIGNALLED}."
    if code == _NOT_FOUND:
        return f"A command of the stage {stage} was not found at this location (exit code 127)."
    if code == _NOT_EXECUTABLE:
        return f"A command of the stage {stage} may not be executed (exit code 126)."
    return f"The stage {stage} failed with exit code {code}."


def of_exception(chain: Sequence[BaseException]) -> Cause:
    """Why DVC itself failed: the exceptions from the outermost to the root."""
    for error in reversed(chain):
        names = [kind.__name__ for kind in type(error).__mro__]
        for name in names:
            if name in _BY_CLASS:
                cause, sentence = _BY_CLASS[name]
                return Cause(cause, sentence if sentence.endswith(".") else f"{sentence}: {_said(error)}")
        if isinstance(error, OSError) and error.errno in (28, 122):  # ENOSPC, EDQUOT
            return Cause("disk-full", "The disk of this location is full. Free space there, then train again.")
        if "DvcException" in names and _PIPELINE_CLASSES.search(type(error).__name__):
            return Cause("pipeline", f"The pipeline is not valid: {_said(error)}")
    root = chain[-1]
    kind = "pipeline" if any(base.__name__ == "DvcException" for base in type(root).__mro__) else "internal"
    return Cause(kind, f"DVC could not run the pipeline: {_said(root)}")


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:500] if text.endswith((".", "!", "?")) else f"{text[:500]}."
