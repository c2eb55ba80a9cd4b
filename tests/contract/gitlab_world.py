"""A local GitLab with one project, and working copies of it, for tests."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from bot.gitlab import GitLabProject
from bot.sandbox.gitlab import DEVELOPER, GitLabSandbox, Token, User

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.clock import Clock
    from bot.sandbox.gitlab import Project

BOT, READ, API_READ, DEV, OLD = (f"sandbox-{name}-token" for name in ("bot", "read", "api-read", "dev", "old"))
MACHINE = User("stationmaster", "Stationmaster", "stationmaster@example.com", bot=True)
CAROL = User("carol", "Carol", "carol@example.com", level=DEVELOPER)
TOKENS = (
    Token(BOT, MACHINE, frozenset({"api"}), "bot", expires_on="2099-01-31"),
    Token(READ, MACHINE, frozenset({"read_repository"}), "clone"),
    Token(API_READ, MACHINE, frozenset({"read_api"}), "look"),
    Token(DEV, CAROL, frozenset({"api", "write_repository"}), "carol"),
    Token(OLD, MACHINE, frozenset({"api"}), "old", expires_on="2020-01-31"),
)
IDENTITY = {
    "GIT_AUTHOR_NAME": "Alice",
    "GIT_AUTHOR_EMAIL": "alice@example.com",
    "GIT_COMMITTER_NAME": "Alice",
    "GIT_COMMITTER_EMAIL": "alice@example.com",
}


def git(*argv: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run git without anybody's settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    fixed = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    argv_texts = ["git", *map(str, argv)]
    return subprocess.run(argv_texts, check=check, capture_output=True, text=True, env={**kept, **fixed, **IDENTITY})


@dataclass(frozen=True)
class Copy:
    """A working copy."""

    path: Path

    def git(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return git("-C", self.path, *argv, check=check)

    def commit(self, message: str, **files: str) -> str:
        """Write `name=content` (`__` is a dot) and commit; returns the commit."""
        for name, content in files.items():
            (self.path / name.replace("__", ".")).write_text(content, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD").stdout.strip()

    def push(self, *refs: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.git("push", "origin", *refs, check=check)


@dataclass(frozen=True)
class World:
    """The GitLab, a project of it, and a folder for working copies. `since` counts the requests before it."""

    sandbox: GitLabSandbox
    project: Project
    home: Path
    since: int

    def address(self, token: str = BOT) -> str:
        """The git address with a token in it."""
        return self.project.git_url.replace("://", f"://anybody:{token}@")

    def copy(self, name: str = "work", token: str = BOT) -> Copy:
        """A clone."""
        git("clone", "--quiet", self.address(token), self.home / name)
        return Copy(self.home / name)

    def first_commit(self) -> Copy:
        """A clone whose `main` has one commit, pushed."""
        copy = self.copy()
        copy.git("checkout", "--quiet", "-B", "main")
        copy.commit("First\n\nRun: 42\nTriggered-by: alice@example.com", README__md="# Fruits\n")
        copy.push("main")
        return copy

    def door(self, token: str = BOT, **options: float) -> GitLabProject:
        """The `CodeHost` door to the project."""
        return GitLabProject(self.sandbox.url, self.project.path, token, **options)

    def api(self, method: str, path: str, body: Any = None, *, token: str | None = BOT) -> httpx.Response:
        """A plain call of the API; `path` starts behind `/projects/:id/` unless it starts with a slash."""
        where = path if path.startswith("/") else f"/projects/{self.project.id}/{path}".rstrip("/")
        headers = {} if token is None else {"PRIVATE-TOKEN": token}
        return httpx.request(method, f"{self.sandbox.url}/api/v4{where}", json=body, headers=headers, verify=False)

    def asked(self, method: str = "") -> list[str]:
        """The API calls so far, with their answers' statuses: `GET /api/v4/user 200`."""
        calls = [seen for seen in self.sandbox.requests[self.since :] if seen.path.startswith("/api/v4/")]
        return [f"{seen.method} {seen.path} {seen.status}" for seen in calls if method in ("", seen.method)]


@contextmanager
def running_gitlab(home: Path, *, clock: Clock | None = None) -> Iterator[GitLabSandbox]:
    """A GitLab that is stopped at the end. Stopping takes a moment, so tests of one file share one."""
    sandbox = GitLabSandbox(home, tokens=TOKENS, clock=clock)
    sandbox.start()
    try:
        yield sandbox
    finally:
        sandbox.stop()


def fresh_world(sandbox: GitLabSandbox, home: Path, **options: Any) -> World:
    """A new project on it; no faults, and nothing asked so far."""
    sandbox.clear_faults()
    project = sandbox.create_project(f"team/fruits-{len(sandbox.projects) + 1}", **options)
    return World(sandbox, project, home, since=len(sandbox.requests))
