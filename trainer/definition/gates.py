"""`gates:` in params.yaml: what a result must hold to before it is released. Pure.

    gates:
      accuracy: {better: higher, tolerance: 0.005}   # against the best release of the default branch
      label_agreement: {least: 0.99}                 # against a number; most is the other way round

The bot reads them to judge a result, and `stationmaster init` to say what is wrong with them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.definition import document
from trainer.definition.document import DocumentError

FILE = "params.yaml"
SECTION = "gates"

_KEYS = frozenset({"better", "tolerance", "least", "most"})
_LONGEST_NAME = 200


class GateError(Exception):
    """The gates cannot be read; the message is a sentence for a person and says what to do."""


@dataclass(frozen=True)
class Gate:
    """One metric by its flat name, and its bounds. `better`: `higher`, `lower`, or None for no comparison.

    `tolerance` is how much worse than the best release it may be, in the metric's own unit.
    """

    metric: str
    better: str | None = None
    tolerance: float = 0.0
    least: float | None = None
    most: float | None = None


def read(content: bytes | None) -> tuple[Gate, ...]:
    """The gates of a params.yaml; none where there is no file or no section.

    Raises:
        GateError: the file cannot be read, or a rule is none.
    """
    try:
        values = document.load(FILE, content or b"")
    except DocumentError as error:
        raise GateError(f"{FILE} is no valid YAML ({error}). Mend it.") from error
    section = values.get(SECTION) if isinstance(values, Mapping) else None
    if section is None:
        return ()
    for problem in problems(section):
        raise GateError(problem)
    return tuple(Gate(str(metric), **rule) for metric, rule in section.items())


def problems(section: Any) -> Iterator[str]:
    """What is wrong with a section `gates:`, a sentence each."""
    if not isinstance(section, Mapping):
        yield f"`{SECTION}:` in {FILE} must be a mapping of metrics to rules. Mend it."
        return
    for metric, rule in section.items():
        if not isinstance(rule, Mapping) or not _is_rule(rule):
            yield (
                f"`{SECTION}.{str(metric)[:_LONGEST_NAME]}` in {FILE} is no rule. "
                "One looks like this: {better: higher, tolerance: 0.005}, or with lower; {least: 0.99} and {most: 0.1} "
                "compare with a number."
            )


def _is_rule(rule: Mapping[Any, Any]) -> bool:
    if rule.keys() - _KEYS or not rule.keys() & {"better", "least", "most"}:
        return False
    if "better" in rule:
        return rule["better"] in ("higher", "lower") and _are_numbers(rule) and rule.get("tolerance", 0) >= 0
    return "tolerance" not in rule and _are_numbers(rule)


def _are_numbers(rule: Mapping[Any, Any]) -> bool:
    return all(is_number(rule[name]) for name in ("tolerance", "least", "most") if name in rule)


def is_number(value: Any) -> bool:
    """Whether it can be compared: no truth value, no NaN, nothing infinite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
