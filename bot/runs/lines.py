"""Which machines serve which line: those of a pool share one, every other machine has a line of its own. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Lines:
    """`members`: a line's name -> its machines, in the order of the settings. Any other name is one machine's own."""

    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def machines(self, line: str) -> tuple[str, ...]:
        """The machines that whoever stands in that line may get; never empty."""
        return self.members.get(line, (line,))

    def of(self, machine: str) -> str:
        """The one line that the machine serves."""
        return next((line for line, machines in self.members.items() if machine in machines), machine)

    def is_pool(self, line: str) -> bool:
        """Whether it is a pool's line: its name is no machine's then, however many machines it has."""
        return line not in self.machines(line)
