"""The `CodeHost` door over python-gitlab: one project, its branches, tags, releases and merge requests.

Any faithful GitLab will do. Nothing here sleeps or retries on its own: a 429 comes up as `Unavailable` with the
seconds GitLab asked for, a refused token as `Unauthorised` after one single request (30 failed log-ins ban the
address for an hour), and a POST is never sent twice without looking first.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, replace
from datetime import date
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote, unquote

import gitlab
import requests
from gitlab.exceptions import GitlabError

from bot import gitlab_notes, gitlab_pushes
from bot.errors import Conflict, DoorError, NotFound, Unavailable
from bot.gitlab_errors import RateLimitedError, RefusedError, in_json, of_project, translated
from bot.ports import MOST_FILES, Commit, CommitStatus, Difference, Release, ReleaseLink, Tag
from bot.tally import DOORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gitlab.v4.objects import Project, ProjectTag

TIMEOUT = 10.0
"""Seconds for one request."""
_ONE_TRY: dict[str, Any] = {"obey_rate_limit": False, "retry_transient_errors": False, "max_retries": 0}
_PAGE = 100
_REGULAR = ("100644", "100755")
"""The modes in git of a file that is no link."""
Found = TypeVar("Found")


@dataclass(frozen=True)
class Access:
    """Who a token is. `scopes` is empty and `expires` None when GitLab does not tell (or it never expires)."""

    username: str
    name: str
    scopes: tuple[str, ...] = ()
    expires: date | None = None

    def days_left(self, today: date) -> int | None:
        """Days until the token stops working; None when no end is known."""
        return None if self.expires is None else (self.expires - today).days


class GitLabProject:
    """One project on a GitLab. Safe from several threads: each call borrows a client with a connection of its own."""

    def __init__(self, url: str, path: str, token: str, *, timeout: float = TIMEOUT) -> None:
        self._url = url.rstrip("/")
        self._path = path
        self._token = token
        self._timeout = timeout
        self._lock = threading.Lock()
        self._idle: list[_Client] = []
        self._default_branch = ""

    def __repr__(self) -> str:
        return f"GitLabProject({self._url!r}, {self._path!r})"

    def close(self) -> None:
        """Close the connections that are kept open."""
        with self._lock:
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()

    # ------------------------------------------------------------------------------------------------ reading

    def head(self, branch: str) -> str | None:
        """See `CodeHost.head`. One request."""
        with self._asking(f"reading the branch {branch}") as project:
            found = _or_none(project.branches.get, branch)
        return None if found is None else str(found.commit["id"])

    def default_branch(self) -> str:
        """See `CodeHost.default_branch`. One request in the life of the process."""
        if not self._default_branch:
            with self._client("reading the project") as client:
                found = client.gitlab.projects.get(self._path, **_ONE_TRY)
                self._default_branch = str(found.default_branch)
        return self._default_branch

    def branches(self, search: str = "", most: int = _PAGE) -> list[str]:
        """See `CodeHost.branches`: the exact name first, then names that start with it, then the newest."""
        wanted: dict[str, Any] = {"search": search} if search else {}
        with self._asking("listing the branches") as project:
            found = project.branches.list(sort="updated_desc", per_page=_PAGE, iterator=True, **wanted, **_ONE_TRY)
            names = [str(branch.name) for branch in islice(found, most)]
        return sorted(names, key=lambda name: (name != search, not name.startswith(search)))

    def tips(self) -> Mapping[str, str]:
        """See `CodeHost.tips`."""
        with self._asking("looking where the branches stand") as project:
            return gitlab_pushes.tips(project, **_ONE_TRY)

    def commits(self, old: str, new: str) -> Sequence[Commit]:
        """See `CodeHost.commits`. One request."""
        with self._asking(f"reading the commits since {old[:10]}") as project:
            return gitlab_pushes.between(project, old, new, **_ONE_TRY)

    def tag(self, name: str) -> Tag | None:
        """See `CodeHost.tag`. One request."""
        with self._asking(f"reading the tag {name}") as project:
            found = _or_none(project.tags.get, name)
        return None if found is None else _tag(found)

    def tags(self) -> list[Tag]:
        """See `CodeHost.tags`."""
        with self._asking("listing the tags") as project:
            return [_tag(tag) for tag in project.tags.list(per_page=_PAGE, get_all=False, **_ONE_TRY)]

    def file(self, path: str, ref: str) -> bytes | None:
        """See `CodeHost.file`. One request; a file of git-lfs is its pointer, and a path with `..` is none."""
        if ".." in path.split("/"):
            return None  # GitLab answers 400
        with self._asking(f"reading {path}") as project:
            return _or_none(lambda name, **once: cast("bytes", project.files.raw(name, ref, **once)), path)

    def tree(self, commit: str) -> Mapping[str, str] | None:
        """See `CodeHost.tree`."""
        found: dict[str, str] = {}
        with self._asking("listing the files") as project:
            tree = project.repository_tree(ref=commit, recursive=True, per_page=_PAGE, iterator=True, **_ONE_TRY)
            for entry in tree:
                if entry["mode"] in _REGULAR:
                    found[str(entry["path"])] = str(entry["id"])
                if len(found) > MOST_FILES:
                    return None
        return found

    def release(self, tag: str) -> Release | None:
        """See `CodeHost.release`. One request."""
        with self._asking(f"reading the release {tag}") as project:
            found = _or_none(project.releases.get, tag)
        return None if found is None else self._release(found.attributes)

    def compare(self, old: str, new: str) -> Difference:
        """See `CodeHost.compare`. One request."""
        with self._asking(f"comparing {old[:10]} with {new[:10]}") as project:
            return gitlab_pushes.difference(project, old, new, **_ONE_TRY)

    def access(self) -> Access:
        """Who the token is and when it ends; at most two requests. For `doctor` and the warning before it expires."""
        with self._client("asking who the token is") as client:
            user = client.get("/user")
            access = Access(username=str(user["username"]), name=str(user["name"]))
            try:
                token = client.get("/personal_access_tokens/self")
            except GitlabError as error:
                if error.response_code in (400, 403, 404, 405):  # a GitLab, or a kind of token, that does not tell
                    return access
                raise
        ends = token.get("expires_at")
        return replace(
            access, scopes=tuple(token.get("scopes", ())), expires=date.fromisoformat(ends) if ends else None
        )

    # ------------------------------------------------------------------------------------------------ writing

    def create_release(self, release: Release) -> Release:
        """See `CodeHost.create_release`.

        `NotFound` when the tag does not exist: no `ref` is sent, so GitLab never makes one.
        """
        try:
            with self._asking(f"making the release {release.tag}") as project:
                return self._release(project.releases.create(_wanted(release), **_ONE_TRY).attributes)
        except RateLimitedError:
            raise  # refused at the gate, nothing was done, and another question would only add to it
        except (RefusedError, Unavailable) as error:
            return self._compared(release, error)

    def ensure_merge_request(self, source: str, target: str, title: str, description: str) -> str:
        """See `CodeHost.ensure_merge_request`. Looks, makes, and looks again when the answer was lost or a conflict."""
        address = self._open_merge_request(source, target)
        if address is not None:
            return address
        wanted = {"source_branch": source, "target_branch": target, "title": title, "description": description}
        try:
            with self._asking(f"making a merge request from {source} to {target}") as project:
                return str(project.mergerequests.create(wanted, **_ONE_TRY).web_url)
        except RateLimitedError:
            raise
        except (RefusedError, Unavailable):
            address = self._open_merge_request(source, target)
            if address is None:
                raise
            return address

    def set_status(self, commit: str, status: CommitStatus) -> None:
        """See `CodeHost.set_status`. One request."""
        with self._asking(f"setting the status of {commit[:10]}") as project:
            gitlab_pushes.set_status(project, commit, status, **_ONE_TRY)

    def upsert_note(self, branch: str, marker: str, body: str) -> str | None:
        """See `CodeHost.upsert_note`. After a lost answer the next call finds the note and changes it."""
        with self._asking(f"writing a note in the merge request of {branch}") as project:
            return gitlab_notes.upsert(project, branch, marker, body, **_ONE_TRY)

    def _open_merge_request(self, source: str, target: str) -> str | None:
        wanted: dict[str, Any] = {"state": "opened", "source_branch": source, "target_branch": target}
        with self._asking("listing merge requests") as project:
            found = project.mergerequests.list(per_page=1, get_all=False, **wanted, **_ONE_TRY)
            return next((str(it.web_url) for it in found), None)

    def _compared(self, wanted: Release, error: DoorError) -> Release:
        """What stands there after a conflict or a lost answer, when it is what was wanted."""
        found = self.release(wanted.tag)
        if found is None and isinstance(error, RefusedError) and error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise NotFound(f"GitLab has no tag {wanted.tag}, so there is nothing to release. Push it first.") from error
        if found is None:
            raise error
        difference = _difference(wanted, found)
        if difference:
            raise Conflict(
                f"There is a release {wanted.tag} on GitLab already, with {difference}. Nothing was changed: "
                f"compare it at {found.url}, then delete it there and try again, or choose another tag."
            ) from error
        return found

    def _release(self, attributes: Mapping[str, Any]) -> Release:
        tag = str(attributes["tag_name"])
        links = reversed(attributes.get("assets", {}).get("links", []))  # GitLab lists the newest first
        page = attributes.get("_links", {}).get("self")
        return Release(
            tag=tag,
            name=str(attributes["name"]),
            description=attributes.get("description") or "",
            links=tuple(_link(link) for link in links),
            url=page or f"{self._url}/{self._path}/-/releases/{quote(tag, safe='')}",
        )

    # ------------------------------------------------------------------------------------------------ connection

    @contextlib.contextmanager
    def _asking(self, what: str) -> Iterator[Project]:
        """The project, without a request of its own; errors inside come out as `DoorError`s."""
        with self._client(what) as client:
            yield client.gitlab.projects.get(self._path, lazy=True)

    @contextlib.contextmanager
    def _client(self, what: str) -> Iterator[_Client]:
        with DOORS.of("gitlab"), self._speaking(what) as client:
            yield client

    @contextlib.contextmanager
    def _speaking(self, what: str) -> Iterator[_Client]:
        with self._lock:
            client = self._idle.pop() if self._idle else None
        if client is None:
            client = _Client(self._url, self._token, self._timeout)
        try:
            yield client
        except GitlabError as error:
            raise translated(error, what, self._path, client.retry_after) from error
        except requests.RequestException as error:
            raise Unavailable(f"GitLab at {self._url} did not answer ({type(error).__name__}) while {what}.") from error
        except (LookupError, TypeError, AttributeError) as error:  # an answer of another shape than GitLab's
            raise Unavailable(f"{self._url} does not answer as a GitLab does while {what}. Is it one?") from error
        finally:
            with self._lock:
                self._idle.append(client)


class _Client:
    """A python-gitlab client that remembers the last `Retry-After`, which its exceptions drop."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        self.retry_after: float | None = None
        self._session = requests.Session()
        self._session.hooks["response"].append(self._note)
        self.gitlab = gitlab.Gitlab(
            url, private_token=token, timeout=timeout, session=self._session, retry_transient_errors=False
        )

    def get(self, path: str) -> dict[str, Any]:
        return cast("dict[str, Any]", self.gitlab.http_get(path, **_ONE_TRY))

    def close(self) -> None:
        self._session.close()

    def _note(self, response: requests.Response, *_: object, **__: object) -> None:
        seconds = response.headers.get("Retry-After", "")
        self.retry_after = float(seconds) if seconds.isdigit() else None


def _or_none(get: Callable[..., Found], name: str) -> Found | None:
    """None for a 404, but not for that of a project: a wrong project must not look like a missing branch."""
    try:
        return get(name, **_ONE_TRY)
    except GitlabError as error:
        if error.response_code != HTTPStatus.NOT_FOUND or of_project(error) or not in_json(error):
            raise
        return None


def _wanted(release: Release) -> dict[str, Any]:
    links = [
        {"name": link.name, "url": link.url, **({"direct_asset_path": link.path} if link.path else {})}
        for link in release.links
    ]
    return {
        "tag_name": release.tag,
        "name": release.name,
        "description": release.description,
        "assets": {"links": links},
    }


def _tag(tag: ProjectTag) -> Tag:
    return Tag(name=str(tag.name), commit=str(tag.commit["id"]), message=str(tag.attributes.get("message") or ""))


def _link(link: Mapping[str, Any]) -> ReleaseLink:
    """GitLab answers the address of the redirect; the path is its end, and there is none when it is the url itself."""
    direct = str(link.get("direct_asset_url") or link["url"])
    path = None
    if direct != link["url"]:
        path = unquote(direct.partition("/-/releases/")[2].partition("/downloads")[2]) or None
    return ReleaseLink(name=str(link["name"]), url=str(link["url"]), path=path)


def _difference(wanted: Release, found: Release) -> str:
    """What is not as wanted, in words; empty when all is."""
    differences = {
        "other links": set(wanted.links) != set(found.links),
        "another description": _normal(wanted.description) != _normal(found.description),
    }
    return " and ".join(words for words, differs in differences.items() if differs)


def _normal(text: str) -> str:
    """A text without what servers change on the way: line ends, and blanks at the end of lines and of the whole."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
