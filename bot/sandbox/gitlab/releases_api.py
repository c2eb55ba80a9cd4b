"""REST: releases and their links. The order of refusals is GitLab's (platform-limits.md)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bot.sandbox.gitlab import entities
from bot.sandbox.gitlab.call import Answer, Refusal, not_found
from bot.sandbox.gitlab.refs_api import make_tag
from bot.sandbox.gitlab.store import KeyTakenError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.sandbox.gitlab.call import Call
    from bot.sandbox.gitlab.store import Document

LINK_TYPES = ("other", "runbook", "image", "package")
_LINK_PATH = re.compile(r"\A/(?:[\-\.\w]+/?)*[\da-zA-Z]+\Z")
_LINK_PATH_LIMIT = 128


def list_releases(call: Call) -> Answer:
    """GET /projects/:id/releases: newest first."""
    order = call.choice("order_by", "released_at", "created_at")
    newest_first = call.choice("sort", "desc", "asc") == "desc"
    found = call.store.all("release", call.scope)
    found.sort(key=lambda release: (release.body[order], release.id), reverse=newest_first)
    return call.page([_release(call, release) for release in found])


def get_release(call: Call) -> Answer:
    """GET /projects/:id/releases/:tag_name."""
    return Answer(200, _release(call, _existing(call)))


def create_release(call: Call) -> Answer:
    """POST /projects/:id/releases: 403 role, 403 protected tag, 409, 400 milestone, 422 no tag and no ref, 400 links.

    As on GitLab a tag that was made on the way stays when the release is refused after it.
    """
    call.needs()
    (tag,) = call.required("tag_name")
    need = call.project.protection.tag_level(tag)
    if need is not None and call.user.level < need:
        raise Refusal(403, "403 Forbidden")
    if call.store.get("release", call.scope, tag) is not None:
        raise Refusal(409, "Release already exists")
    milestones = call.body.get("milestones") or []
    if milestones:
        raise Refusal(400, f"Milestone(s) not found: {', '.join(map(str, milestones))}")
    if call.project.git.tag(tag) is None:
        ref = call.text("ref")
        if not ref:
            raise Refusal(422, "Ref is not specified")
        make_tag(call, tag, ref, call.text("tag_message"))
    links = _checked_links(call)
    _save(call, tag, links)
    return Answer(201, _release(call, _existing(call, tag)))


def update_release(call: Call) -> Answer:
    """PUT /projects/:id/releases/:tag_name."""
    call.needs()
    release = _existing(call)
    changes = {key: call.text(key) for key in ("name", "description", "released_at") if call.text(key) is not None}
    call.store.replace(release.id, release.key, {**release.body, **changes})
    return Answer(200, _release(call, _existing(call)))


def delete_release(call: Call) -> Answer:
    """DELETE /projects/:id/releases/:tag_name: 200 with the release; the tag stays."""
    call.needs()
    release = _existing(call)
    answer = Answer(200, _release(call, release))
    with call.store.transaction():
        for link in _links(call, release.key):
            call.store.remove(link.id)
        call.store.remove(release.id)
    return answer


def list_links(call: Call) -> Answer:
    """GET /projects/:id/releases/:tag_name/assets/links: newest first."""
    release = _existing(call)
    return call.page([_link(call, link) for link in reversed(_links(call, release.key))])


def get_link(call: Call) -> Answer:
    """GET /projects/:id/releases/:tag_name/assets/links/:link_id."""
    return Answer(200, _link(call, _existing_link(call)))


def create_link(call: Call) -> Answer:
    """POST /projects/:id/releases/:tag_name/assets/links. A name or address that is there already is 400."""
    call.needs()
    release = _existing(call)
    call.required("name", "url")
    link = _link_body(call.body)
    _refuse_wrong(link, [other.body for other in _links(call, release.key)])
    call.store.add("link", _link_scope(call, release.key), link["name"], link)
    return Answer(201, _link(call, _links(call, release.key)[-1]))


def update_link(call: Call) -> Answer:
    """PUT /projects/:id/releases/:tag_name/assets/links/:link_id: at least a name or an address."""
    call.needs()
    link = _existing_link(call)
    if not call.text("name") and not call.text("url"):
        raise Refusal(400, "name, url are missing, at least one parameter must be provided", word="error")
    asked = {key: value for key, value in call.body.items() if value is not None}
    current = {**link.body, "direct_asset_path": link.body["path"]}
    changed = _link_body({**current, **asked})
    others = [other.body for other in _links(call, call.args["tag_name"]) if other.id != link.id]
    _refuse_wrong(changed, others)
    call.store.replace(link.id, changed["name"], changed)
    return Answer(200, _link(call, _existing_link(call)))


def delete_link(call: Call) -> Answer:
    """DELETE /projects/:id/releases/:tag_name/assets/links/:link_id: 200 with the link."""
    call.needs()
    link = _existing_link(call)
    call.store.remove(link.id)
    return Answer(200, _link(call, link))


def _save(call: Call, tag: str, links: list[dict[str, Any]]) -> None:
    body = {
        "name": call.text("name") or tag,
        "description": call.text("description") or "",
        "created_at": call.at,
        "released_at": call.text("released_at") or call.at,
        "author": call.user.username,
    }
    try:
        with call.store.transaction():
            call.store.add("release", call.scope, tag, body)
            for link in links:
                call.store.add("link", _link_scope(call, tag), link["name"], link)
    except KeyTakenError as error:  # another call was faster
        raise Refusal(409, "Release already exists") from error


def _checked_links(call: Call) -> list[dict[str, Any]]:
    assets = call.body.get("assets") or {}
    wanted = (assets.get("links") if isinstance(assets, dict) else None) or []
    checked: list[dict[str, Any]] = []
    for each in wanted:
        if not isinstance(each, dict) or not each.get("name") or not each.get("url"):
            raise Refusal(400, "assets[links][0][name] is missing, assets[links][0][url] is missing", word="error")
        link = _link_body(each)
        problems = _problems(link, checked)
        if problems:
            words = "; ".join(f"{key} {problem}" for key, (problem, *_) in problems.items())
            raise Refusal(400, f"Validation failed: Links {words}")
        checked.append(link)
    return checked


def _link_body(asked: Mapping[str, Any]) -> dict[str, Any]:
    link_type = asked.get("link_type") or "other"
    if link_type not in LINK_TYPES:
        raise Refusal(400, "link_type does not have a valid value", word="error")
    path = asked.get("direct_asset_path") or asked.get("filepath")
    return {"name": str(asked["name"]), "url": str(asked["url"]), "path": path, "link_type": link_type}


def _problems(link: Mapping[str, Any], others: list[dict[str, Any]]) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    for key, said in (("name", "name"), ("url", "url"), ("path", "filepath")):
        if link[key] and any(link[key] == other[key] for other in others):
            problems[said] = ["has already been taken"]
    if not str(link["url"]).lower().startswith(("http://", "https://", "ftp://")):
        problems["url"] = ["is blocked: Only allowed schemes are http, https, ftp"]
    path = link["path"]
    if path and not _LINK_PATH.match(path):
        problems["filepath"] = ["is in an invalid format"]
    if path and len(path) > _LINK_PATH_LIMIT:
        problems["filepath"] = [f"is too long (maximum is {_LINK_PATH_LIMIT} characters)"]
    return problems


def _refuse_wrong(link: Mapping[str, Any], others: list[dict[str, Any]]) -> None:
    problems = _problems(link, others)
    if problems:
        raise Refusal(400, problems)


def _existing(call: Call, tag: str | None = None) -> Document:
    release = call.store.get("release", call.scope, tag or call.args["tag_name"])
    if release is None:
        raise not_found()
    return release


def _existing_link(call: Call) -> Document:
    release = _existing(call)
    wanted = call.number("link_id")
    link = next((link for link in _links(call, release.key) if link.id == wanted), None)
    if link is None:
        raise not_found()
    return link


def _link_scope(call: Call, tag: str) -> str:
    return f"{call.scope}/{tag}"


def _links(call: Call, tag: str) -> list[Document]:
    return call.store.all("link", _link_scope(call, tag))


def _link(call: Call, link: Document) -> dict[str, Any]:
    return entities.release_link(call.project, call.args["tag_name"], link)


def _release(call: Call, release: Document) -> dict[str, Any]:
    commit = call.project.git.tag(release.key)
    html = call.query.get("include_html_description", "false") in ("true", "1")
    links = _links(call, release.key)
    found = commit.commit if commit else None
    return entities.release(call.instance, call.project, release, links, found, html=html)
