"""One good call of everything that the `CodeHost` door can do, for tests of its bad days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.ports import CommitStatus, Release, ReleaseLink

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.ports import CodeHost

RELEASE = Release(
    tag="v1.0.0",
    name="v1.0.0",
    description="## Metrics\n\n| accuracy |\n|---|\n| 0.97 |\n",
    links=(
        ReleaseLink("train.dvc", "https://example.com/fruits/v1.0.0/train.dvc", "/train.dvc"),
        ReleaseLink("The run", "https://example.com/runs/42"),
    ),
)


def ensure(host: CodeHost) -> str:
    return host.ensure_merge_request("train/run-42", "main", "Result of run 42", "See the release.")


def note(host: CodeHost, body: str = "| accuracy |\n|---|\n| 0.97 |") -> str | None:
    return host.upsert_note("train/run-42", "<!-- metrics -->", body)


CALLS: dict[str, Callable[[CodeHost], object]] = {
    "head": lambda host: host.head("main"),
    "default_branch": lambda host: host.default_branch(),
    "branches": lambda host: host.branches("main"),
    "file": lambda host: host.file("README.md", "main"),
    "tree": lambda host: host.tree("a" * 40),
    "compare": lambda host: host.compare("a" * 40, "b" * 40),
    "tips": lambda host: host.tips(),
    "commits": lambda host: host.commits("a" * 40, "b" * 40),
    "set_status": lambda host: host.set_status("a" * 40, CommitStatus("pending", "It waits")),
    "tag": lambda host: host.tag("v1.0.0"),
    "tags": lambda host: host.tags(),
    "release": lambda host: host.release("v1.0.0"),
    "create_release": lambda host: host.create_release(RELEASE),
    "ensure_merge_request": ensure,
    "upsert_note": note,
}
