"""What one local GitLab is made of: its address, users and tokens, its projects and the store behind them."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from bot.sandbox.gitlab.access import MAINTAINER, Tokens, User
from bot.sandbox.gitlab.protection import Protection
from bot.sandbox.gitlab.repository import Repository, git_environment
from bot.sandbox.gitlab.store import KeyTakenError, Store

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bot.clock import Clock
    from bot.sandbox.gitlab.access import Token

GHOST = User(username="ghost", name="Ghost User", level=0)
# Partial clones and fetches by commit id, as GitLab allows them; and nothing that goes on behind a push.
_GIT_SETTINGS = """
[http]
\treceivepack = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[receive]
\tautogc = false
[gc]
\tauto = 0
"""


@dataclass(frozen=True)
class Project:
    """A project: `path` is `group/name`, `url` its page, `git_url` what `git clone` takes."""

    id: int
    path: str
    default_branch: str
    visibility: str
    created_at: str
    url: str
    repository_path: Path

    @property
    def git_url(self) -> str:
        """The address for git over HTTP."""
        return f"{self.url}.git"

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def git(self) -> Repository:
        """Branches, tags and commits."""
        return Repository(self.repository_path)

    @property
    def protection(self) -> Protection:
        """Protected branches and tags."""
        return Protection(self.repository_path)

    def page(self, *parts: str) -> str:
        """The address of one of the project's pages: `project.page("releases", "v1.0.0")`."""
        return "/".join([f"{self.url}/-", *(quote(part) for part in parts)])


class Instance:
    """The whole of it, without HTTP."""

    def __init__(self, home: Path, *, tokens: Iterable[Token], users: Iterable[User], clock: Clock) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.repositories = home / "repositories"
        self.url = ""
        self.clock = clock
        self.tokens = Tokens(tokens, clock)
        self.users: tuple[User, ...] = tuple(dict.fromkeys([*self.tokens.users, *users]))
        self.store = Store(home / "gitlab.db")

    def user(self, username: str) -> User:
        """The user of that name; somebody who is gone is a ghost."""
        return next((user for user in self.users if user.username == username), GHOST)

    def user_id(self, user: User) -> int:
        """The user's number; 0 for a ghost."""
        return self.users.index(user) + 1 if user in self.users else 0

    def projects(self) -> list[Project]:
        """All projects."""
        return [self._project(document.id, document.key, document.body) for document in self.store.all("project", "")]

    def project(self, id_or_path: str) -> Project | None:
        """A project by its number or its path."""
        wanted = id_or_path.removesuffix(".git")
        return next((each for each in self.projects() if wanted in (str(each.id), each.path)), None)

    def create_project(
        self, path: str, *, default_branch: str, visibility: str, protect_default_branch: bool, created_at: str
    ) -> Project:
        """Make a project with an empty bare repository; the one that exists when there is one."""
        existing = self.project(path)
        if existing is not None:
            return existing
        self._init(path, default_branch, protect=protect_default_branch)
        body = {"default_branch": default_branch, "visibility": visibility, "created_at": created_at}
        try:
            project_id = self.store.add("project", "", path, body)
        except KeyTakenError:  # another thread was faster
            return next(each for each in self.projects() if each.path == path)
        return self._project(project_id, path, body)

    def _init(self, path: str, default_branch: str, *, protect: bool) -> None:
        bare = self.repositories / f"{path}.git"
        bare.parent.mkdir(parents=True, exist_ok=True)
        init = ["git", "init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}", str(bare)]
        subprocess.run(init, check=True, env=git_environment())
        with (bare / "config").open("a", encoding="utf-8") as config:
            config.write(_GIT_SETTINGS)
        protection = Protection(bare)
        protection.install()
        if protect:
            protection.protect_branch(default_branch, MAINTAINER)

    def _project(self, project_id: int, path: str, body: dict[str, str]) -> Project:
        return Project(
            id=project_id,
            path=path,
            default_branch=body["default_branch"],
            visibility=body["visibility"],
            created_at=body["created_at"],
            url=f"{self.url}/{quote(path)}",
            repository_path=self.repositories / f"{path}.git",
        )
