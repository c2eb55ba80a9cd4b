"""`smoke:` and `gates:` in params.yaml: examples where they are missing, what is wrong where they are not. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainer.definition import document, gates
from trainer.definition.document import DocumentError
from trainer.onboarding.finding import Finding, ok, todo

FILE = "params.yaml"
_SMOKE = """\
# In a smoke run these are laid over the other parameters, so that it ends in minutes:
# smoke:
#   train:
#     epochs: 1
"""
_GATES = """\
# A release waits for somebody when its metrics are worse than those of the best one, by more than the tolerance:
# gates:
#   accuracy: {better: higher, tolerance: 0.005}
"""
_EXAMPLES = {"smoke": _SMOKE, "gates": _GATES}


def with_examples(text: str) -> str:
    """The file with an example, as a comment, of each section that it neither has nor shows."""
    lines = [line.lstrip("# ").rstrip() for line in text.splitlines()]
    missing = [example for name, example in _EXAMPLES.items() if not any(line.startswith(f"{name}:") for line in lines)]
    if not missing:
        return text
    before = [text if text.endswith("\n") else f"{text}\n"] if text.strip() else []
    return "\n".join([*before, *missing])


def check(content: bytes) -> Iterator[Finding]:
    """What is wrong with the two sections, if they are there."""
    try:
        values = document.load(FILE, content)
    except DocumentError as error:
        yield todo(f"{FILE} is no valid YAML ({error}). Mend it.")
        return
    if values is None:
        return
    if not isinstance(values, Mapping):
        yield todo(f"{FILE} holds no mapping of names to values. Mend it.")
        return
    for name, problems in (("smoke", _smoke), ("gates", _gates)):
        if values.get(name) is not None:
            found = list(problems(values[name], values))
            yield from map(todo, found)
            if not found:
                yield ok(f"`{name}:` in {FILE} can be used as it is.")


def _smoke(over: Any, values: Mapping[str, Any], at: str = "smoke") -> Iterator[str]:
    if not isinstance(over, Mapping):
        yield f"`{at}:` in {FILE} must be a mapping, as the parameters it is laid over are. Mend it."
        return
    for name, value in over.items():
        below = f"{at}.{name}"
        if name not in values or (at == "smoke" and name in _EXAMPLES):
            yield f"`{below}` in {FILE} lies over no parameter, so it changes nothing. Take it out, or mend its name."
        elif isinstance(values[name], Mapping):
            yield from _smoke(value, values[name], below)


def _gates(rules: Any, _values: Mapping[str, Any]) -> Iterator[str]:
    return gates.problems(rules)
