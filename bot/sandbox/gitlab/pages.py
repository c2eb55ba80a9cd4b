"""The pages that a person can open without logging in: project, files, commits, tags, releases, merge requests."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import jinja2
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from bot.sandbox.gitlab import diff
from bot.sandbox.gitlab.entities import moment
from bot.sandbox.gitlab.markdown import render
from bot.sandbox.gitlab.merge_requests_api import merge_requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.gitlab.instance import Instance, Project
    from bot.sandbox.gitlab.store import Document

_HERE = Path(__file__).parent / "templates"
# Nothing from elsewhere, no scripts. Markdown tables align their columns by style attributes; pictures in release
# notes may come from the sandbox's own S3 on loopback.
_POLICY = (
    "default-src 'none'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data: http://127.0.0.1:* http://localhost:*"
)
_RECENT = 10
_TEXT_LIMIT = 300_000


@dataclass(frozen=True)
class Visit:
    """Somebody opens a page of a project; `rest` is what follows the page's word in the path, unquoted."""

    instance: Instance
    project: Project
    rest: str


def answer(instance: Instance, raw_path: str) -> Response:
    """The page at a path. Blocks while git works."""
    if raw_path == "/":
        return _page("projects.html", instance, projects=instance.projects())
    if raw_path == "/style.css":
        return Response((_HERE / "style.css").read_text(encoding="utf-8"), media_type="text/css")
    path, _, rest = raw_path.partition("/-/")
    project = instance.project(unquote(path).strip("/"))
    if project is None:
        return _missing(instance, "There is no such project on this GitLab.")
    word, _, tail = rest.partition("/")
    show = _PAGES.get(word)
    if show is None:
        return _missing(instance, "There is no such page.")
    return show(Visit(instance, project, unquote(tail).strip("/")))


def _project_page(visit: Visit) -> Response:
    project = visit.project
    sha = project.git.resolve(project.default_branch)
    readme = project.git.file(sha, "README.md") if sha else None
    return _page(
        "project.html",
        visit.instance,
        project=project,
        ref=project.default_branch,
        branches=project.git.branches(),
        tags=project.git.tags()[:_RECENT],
        releases=_releases(visit)[:_RECENT],
        commits=project.git.log(project.default_branch, _RECENT),
        entries=(project.git.folder(sha) if sha else None) or [],
        readme=render(readme.decode(errors="replace")) if readme else "",
    )


def _release_pages(visit: Visit) -> Response:
    if not visit.rest:
        return _page("releases.html", visit.instance, project=visit.project, releases=_releases(visit))
    if visit.rest.startswith("permalink/latest"):
        return _latest(visit, visit.rest.removeprefix("permalink/latest").strip("/"))
    tag, separator, path = visit.rest.partition("/downloads/")
    release = visit.instance.store.get("release", str(visit.project.id), tag)
    if release is None:
        return _missing(visit.instance, f"There is no release {tag}.")
    links = _links(visit, tag)
    if separator:
        link = next((link for link in links if link.body["path"] == f"/{path}"), None)
        return RedirectResponse(link.body["url"], 302) if link else _missing(visit.instance, f"No asset {path}.")
    ref = visit.project.git.tag(tag)
    return _page(
        "release.html",
        visit.instance,
        project=visit.project,
        release=release,
        author=visit.instance.user(release.body["author"]),
        commit=ref.commit if ref else None,
        links=links,
        description=render(release.body["description"]),
    )


def _latest(visit: Visit, rest: str) -> Response:
    releases = [it for it in _releases(visit) if it.body["released_at"] <= moment(visit.instance.clock.now())]
    if not releases:
        return _missing(visit.instance, "There is no release yet.")
    return RedirectResponse(visit.project.page("releases", releases[0].key) + (f"/{quote(rest)}" if rest else ""), 302)


def _commit_page(visit: Visit) -> Response:
    commit = visit.project.git.commit(visit.rest)
    if commit is None:
        return _missing(visit.instance, "There is no such commit.")
    files = diff.parse(visit.project.git.diff(commit.sha))
    return _page("commit.html", visit.instance, project=visit.project, commit=commit, files=files)


def _commits_page(visit: Visit) -> Response:
    ref = visit.rest or visit.project.default_branch
    commits = visit.project.git.log(ref, 100)
    return _page("commits.html", visit.instance, project=visit.project, ref=ref, commits=commits)


def _compare_page(visit: Visit) -> Response:
    git = visit.project.git
    # Two dots as three are the commits that only the second has; the files are compared as they are.
    one, _, other = visit.rest.replace("...", "..").partition("..")
    old, new = git.resolve(one), git.resolve(other)
    if old is None or new is None:
        return _missing(visit.instance, "There are no such commits.")
    files = diff.parse(git.diff(new, old))
    commits = git.between(old, new)
    return _page("compare.html", visit.instance, project=visit.project, old=old, new=new, commits=commits, files=files)


def _tree_page(visit: Visit) -> Response:
    ref, sha, path = _ref_and_path(visit)
    entries = visit.project.git.folder(sha, path) if sha else None
    if entries is None:
        return _missing(visit.instance, "There is no such folder.")
    return _page("tree.html", visit.instance, project=visit.project, ref=ref, path=path, entries=entries)


def _blob_page(visit: Visit) -> Response:
    ref, sha, path = _ref_and_path(visit)
    content = visit.project.git.file(sha, path) if sha else None
    if content is None:
        return _missing(visit.instance, "There is no such file.")
    shown: dict[str, Any] = {"text": None, "html": "", "picture": _media_type(path).startswith("image/")}
    if b"\0" not in content[:8000] and len(content) <= _TEXT_LIMIT:
        shown["text"] = content.decode(errors="replace")
        shown["html"] = render(shown["text"]) if path.endswith(".md") else ""
    return _page("blob.html", visit.instance, project=visit.project, ref=ref, path=path, size=len(content), **shown)


def _raw_file(visit: Visit) -> Response:
    _, sha, path = _ref_and_path(visit)
    content = visit.project.git.file(sha, path) if sha else None
    if content is None:
        return _missing(visit.instance, "There is no such file.")
    media = _media_type(path)
    safe = media if media.startswith("image/") and media != "image/svg+xml" else "text/plain"
    media = safe if b"\0" not in content[:8000] or safe != "text/plain" else "application/octet-stream"
    return Response(content, media_type=media, headers={"X-Content-Type-Options": "nosniff"})


def _branches_page(visit: Visit) -> Response:
    return _page("branches.html", visit.instance, project=visit.project, branches=visit.project.git.branches())


def _tags_page(visit: Visit) -> Response:
    tags = [tag for tag in visit.project.git.tags() if visit.rest in ("", tag.name)]
    return _page("tags.html", visit.instance, project=visit.project, tags=tags)


def _merge_request_pages(visit: Visit) -> Response:
    found = merge_requests(visit.instance.store, visit.project, moment(visit.instance.clock.now()))
    if not visit.rest:
        return _page("merge_requests.html", visit.instance, project=visit.project, merge_requests=found[::-1])
    it = next((each for each in found if each.key == visit.rest), None)
    if it is None:
        return _missing(visit.instance, "There is no such merge request.")
    return _page(
        "merge_request.html",
        visit.instance,
        project=visit.project,
        it=it,
        description=render(it.body["description"] or ""),
        notes=[
            (note.body, render(note.body["body"]))
            for note in visit.instance.store.all("note", f"{visit.project.id}/{it.key}")
        ],
        files=diff.parse(visit.project.git.diff(it.body["sha"], it.body["base"])) if it.body["base"] else [],
    )


def _archive(visit: Visit) -> Response:
    ref, _, name = visit.rest.rpartition("/")
    sha = visit.project.git.resolve(ref)
    form = next((form for form in ("tar.gz", "zip") if name.endswith(f".{form}")), None)
    if sha is None or form is None:
        return _missing(visit.instance, "There is no such archive.")
    content = visit.project.git.archive(sha, form, name.removesuffix(f".{form}"))
    return Response(content, media_type="application/zip" if form == "zip" else "application/gzip")


_PAGES: dict[str, Callable[[Visit], Response]] = {
    "": _project_page,
    "releases": _release_pages,
    "commit": _commit_page,
    "commits": _commits_page,
    "compare": _compare_page,
    "tree": _tree_page,
    "blob": _blob_page,
    "raw": _raw_file,
    "branches": _branches_page,
    "tags": _tags_page,
    "merge_requests": _merge_request_pages,
    "archive": _archive,
}


def _releases(visit: Visit) -> list[Document]:
    found = visit.instance.store.all("release", str(visit.project.id))
    return sorted(found, key=lambda release: (release.body["released_at"], release.id), reverse=True)


def _links(visit: Visit, tag: str) -> list[Document]:
    return visit.instance.store.all("link", f"{visit.project.id}/{tag}")


def _ref_and_path(visit: Visit) -> tuple[str, str | None, str]:
    """Split `feature/x/folder/file` where the ref ends; the first part may also be a commit id."""
    git = visit.project.git
    for ref in [*git.branches(), *git.tags()]:
        if f"{visit.rest}/".startswith(f"{ref.name}/"):
            return ref.name, ref.commit.sha, visit.rest[len(ref.name) :].strip("/")
    first, _, path = visit.rest.partition("/")
    return first, git.resolve(first), path


def _media_type(path: str) -> str:
    return mimetypes.guess_type(path)[0] or "text/plain"


def _missing(instance: Instance, why: str) -> Response:
    return _page("missing.html", instance, status=404, why=why)


def _page(template: str, instance: Instance, *, status: int = 200, **values: Any) -> Response:
    marked = {key: Markup(value) for key, value in values.items() if key in ("description", "readme", "html")}  # noqa: S704 - rendered by `markdown`, which escapes
    html = _templates().get_template(template).render(root=instance.url, **{**values, **marked})
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    return Response(html, status, media_type="text/html", headers=headers)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["day"] = _day
    environment.filters["size"] = _size
    environment.filters["safe_html"] = Markup
    return environment


def _day(at: str) -> str:
    return datetime.fromisoformat(at).strftime("%d %b %Y, %H:%M %Z")


def _size(count: int | None) -> str:
    if count is None:
        return ""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004 - binary units
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024  # type: ignore[assignment]
    return f"{count:.1f} GiB"
