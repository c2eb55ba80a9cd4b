"""Numbers as Prometheus reads them (text format 0.0.4). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Family:
    """One metric: its samples by labels, `()` for none."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    samples: Mapping[Labels, float]


def single(name: str, help: str, value: float, *, kind: Literal["gauge", "counter"] = "gauge") -> Family:  # noqa: A002
    """A metric without labels."""
    return Family(name, kind, help, {(): value})


def by(label: str, name: str, help: str, values: Mapping[str, float]) -> Family:  # noqa: A002 - the format's word
    """A gauge with one label."""
    return Family(name, "gauge", help, {((label, value),): number for value, number in values.items()})


def exposition(families: Iterable[Family]) -> str:
    """All of them, each with its two lines of comment; one without samples is left out."""
    return "".join(_text(family) for family in families if family.samples)


def _text(family: Family) -> str:
    lines = [f"# HELP {family.name} {_escaped(family.help)}", f"# TYPE {family.name} {family.kind}"]
    lines += [f"{family.name}{_labels(labels)} {value:.15g}" for labels, value in sorted(family.samples.items())]
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    inner = ",".join(f'{name}="{_escaped(value, quote=True)}"' for name, value in labels)
    return f"{{{inner}}}" if inner else ""


def _escaped(text: str, *, quote: bool = False) -> str:
    safe = text.replace("\\", "\\\\").replace("\n", "\\n")
    return safe.replace('"', '\\"') if quote else safe
