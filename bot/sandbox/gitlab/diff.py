"""A unified diff, cut into files and lines that a page can colour. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class FileDiff:
    """One file of a diff. Each line has a kind: `added`, `deleted`, `hunk`, `note` or `same`."""

    name: str
    lines: list[tuple[str, str]] = field(default_factory=list)

    @property
    def added(self) -> int:
        """How many lines were added."""
        return sum(kind == "added" for kind, _ in self.lines)

    @property
    def deleted(self) -> int:
        """How many lines were deleted."""
        return sum(kind == "deleted" for kind, _ in self.lines)


_KINDS = {"+": "added", "-": "deleted", "@": "hunk", "\\": "note", "B": "note"}
_HEADERS = ("index ", "--- ", "+++ ")


def parse(text: str) -> list[FileDiff]:
    """The files of a diff as git writes it."""
    files: list[FileDiff] = []
    in_header = False
    for line in text.splitlines():
        if line.startswith("diff --git "):
            files.append(FileDiff(line.rpartition(" b/")[2]))
            in_header = True
        elif files:
            in_header = in_header and not line.startswith("@@")
            if in_header and line.startswith(_HEADERS):
                continue
            kind = "note" if in_header else _KINDS.get(line[:1], "same")
            files[-1].lines.append((kind, line))
    return files
