"""One call of the REST API: what came in, what goes out, and GitLab's ways of saying no."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bot.sandbox.gitlab.access import DEVELOPER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.sandbox.gitlab.access import Token, User
    from bot.sandbox.gitlab.instance import Instance, Project
    from bot.sandbox.gitlab.repository import Ref
    from bot.sandbox.gitlab.store import Store


@dataclass(frozen=True)
class Answer:
    """A status, a body (JSON, or bytes as they are; None: no body) and headers."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - it is an answer, not a mistake
    """An answer that ends the call: `{"message": ...}`, or `{"error": ...}` for parameters and tokens."""

    def __init__(self, status: int, message: Any, *, word: str = "message") -> None:
        super().__init__(str(message))
        self.answer = Answer(status, {word: message})


def not_found(what: str = "") -> Refusal:
    """`404 Tag Not Found`, as GitLab says it."""
    return Refusal(404, f"404 {what} Not Found" if what else "404 Not Found")


@dataclass(frozen=True)
class Call:
    """A call whose token was accepted. `args` are the parts of the path, `at` is now as GitLab writes it."""

    instance: Instance
    token: Token | None
    path: str
    args: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    at: str
    known_project: Project | None = None

    @property
    def store(self) -> Store:
        """The documents."""
        return self.instance.store

    @property
    def project(self) -> Project:
        """The project of the path."""
        if self.known_project is None:
            raise not_found("Project")
        return self.known_project

    @property
    def scope(self) -> str:
        """What the project's documents belong to."""
        return str(self.project.id)

    @property
    def user(self) -> User:
        """Who calls; 401 for nobody."""
        if self.token is None:
            raise Refusal(401, "401 Unauthorized")
        return self.token.user

    def needs(self, level: int = DEVELOPER) -> None:
        """403 for anybody below the role."""
        if self.user.level < level:
            raise Refusal(403, "403 Forbidden")

    def text(self, name: str) -> str | None:
        """A text of the body; None when it is missing or null; 400 when it is something else."""
        value = self.body.get(name)
        if value is None or isinstance(value, str):
            return value
        raise Refusal(400, f"{name} is invalid", word="error")

    def required(self, *names: str) -> list[str]:
        """Texts of the body that must be there and not empty."""
        missing = [name for name in names if not self.text(name)]
        if missing:
            raise Refusal(400, ", ".join(f"{name} is missing" for name in missing), word="error")
        return [str(self.body[name]) for name in names]

    def choice(self, name: str, default: str, *allowed: str) -> str:
        """A word of the query string out of those allowed."""
        value = self.query.get(name, default)
        if value not in (default, *allowed):
            raise Refusal(400, f"{name} does not have a valid value", word="error")
        return value

    def flag(self, name: str) -> bool:
        """A boolean of the query string, false unless it is given."""
        value = self.query.get(name, "false").lower()
        if value not in ("true", "t", "1", "yes", "on", "false", "f", "0", "no", "off"):
            raise Refusal(400, f"{name} is invalid", word="error")
        return value in ("true", "t", "1", "yes", "on")

    def number(self, name: str) -> int:
        """A number of the path."""
        if not self.args[name].isdigit():
            raise Refusal(400, f"{name} is invalid", word="error")
        return int(self.args[name])

    def page(self, items: Sequence[Any]) -> Answer:
        """One page of a list, with GitLab's headers for the others."""
        page, size = self._positive("page", 1), min(self._positive("per_page", 20), 100)
        pages = max(1, -(-len(items) // size))
        headers = {
            "X-Total": str(len(items)),
            "X-Total-Pages": str(pages),
            "X-Page": str(page),
            "X-Per-Page": str(size),
            "X-Next-Page": str(page + 1) if page < pages else "",
            "X-Prev-Page": str(page - 1) if page > 1 else "",
            "Link": self._links(page, pages, size),
        }
        return Answer(200, list(items[(page - 1) * size : page * size]), headers)

    def _links(self, page: int, pages: int, size: int) -> str:
        wanted = {"prev": page - 1, "next": page + 1, "first": 1, "last": pages}
        there = {rel: number for rel, number in wanted.items() if 1 <= number <= pages}
        base = f"{self.instance.url}{self.path}?"
        return ", ".join(
            f'<{base}{urlencode({**self.query, "page": number, "per_page": size})}>; rel="{rel}"'
            for rel, number in there.items()
        )

    def _positive(self, name: str, default: int) -> int:
        value = self.query.get(name, str(default))
        if not value.isdigit() or int(value) < 1:
            raise Refusal(400, f"{name} is invalid", word="error")
        return int(value)


def matching(refs: Sequence[Ref], search: str | None) -> list[Ref]:
    """The refs that a `search` finds: a part of the name; `^x` at its start, `x$` at its end; case does not matter."""
    if not search:
        return list(refs)
    word = search.lower()
    start, end = word.startswith("^"), word.endswith("$")
    core = re.escape(word.removeprefix("^").removesuffix("$"))
    pattern = re.compile(f"{'^' if start else ''}{core}{'$' if end else ''}")
    return [ref for ref in refs if pattern.search(ref.name.lower())]
