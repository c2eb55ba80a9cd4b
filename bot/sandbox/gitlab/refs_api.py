"""REST: branches, tags, commits and their statuses (facts/gitlab-contract.yaml)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bot.sandbox.gitlab import entities
from bot.sandbox.gitlab.access import MAINTAINER
from bot.sandbox.gitlab.call import Answer, Refusal, matching, not_found
from bot.sandbox.gitlab.repository import GitError

if TYPE_CHECKING:
    from bot.sandbox.gitlab.call import Call
    from bot.sandbox.gitlab.repository import Commit, Ref

STATES = ("pending", "running", "success", "failed", "canceled", "skipped")
_VERSION = re.compile(r"\d+")


def list_branches(call: Call) -> Answer:
    """GET /projects/:id/repository/branches: by name unless `sort` says otherwise."""
    search, regex = call.query.get("search"), call.query.get("regex")
    if search and regex:
        raise Refusal(400, "search, regex are mutually exclusive", word="error")
    branches = matching(call.project.git.branches(), search)
    if regex:
        branches = [branch for branch in branches if _compiled(regex).search(branch.name)]
    sort = call.choice("sort", "name_asc", "updated_asc", "updated_desc")
    if sort != "name_asc":
        branches.sort(key=lambda branch: _when(branch.commit), reverse=sort == "updated_desc")
    return call.page([_branch(call, branch) for branch in branches])


def get_branch(call: Call) -> Answer:
    """GET /projects/:id/repository/branches/:branch."""
    branch = call.project.git.branch(call.args["branch"])
    if branch is None:
        raise not_found("Branch")
    return Answer(200, _branch(call, branch))


def list_tags(call: Call) -> Answer:
    """GET /projects/:id/repository/tags: newest first unless `order_by` and `sort` say otherwise."""
    tags = matching(call.project.git.tags(), call.query.get("search"))
    order = call.choice("order_by", "updated", "name", "version")
    if order == "name":
        tags.sort(key=lambda tag: tag.name, reverse=True)
    if order == "version":
        tags.sort(key=lambda tag: [int(number) for number in _VERSION.findall(tag.name)], reverse=True)
    if call.choice("sort", "desc", "asc") == "asc":
        tags.reverse()
    return call.page([_tag(call, tag) for tag in tags])


def get_tag(call: Call) -> Answer:
    """GET /projects/:id/repository/tags/:tag_name."""
    return Answer(200, _tag(call, _existing_tag(call)))


def create_tag(call: Call) -> Answer:
    """POST /projects/:id/repository/tags. A tag that exists is 400."""
    call.needs()
    name, ref = call.required("tag_name", "ref")
    make_tag(call, name, ref, call.text("message"))
    return Answer(201, _tag(call, _existing_tag(call, name)))


def delete_tag(call: Call) -> Answer:
    """DELETE /projects/:id/repository/tags/:tag_name. A release of it goes too."""
    call.needs()
    tag = _existing_tag(call)
    if call.project.protection.tag_level(tag.name) is not None and call.user.level < MAINTAINER:
        raise Refusal(403, "403 Forbidden")
    call.project.git.delete_tag(tag.name)
    release = call.store.get("release", call.scope, tag.name)
    if release is not None:
        call.store.remove(release.id)
    return Answer(204)


def make_tag(call: Call, name: str, ref: str, message: str | None) -> None:
    """Create a tag from a branch, tag or commit, with GitLab's refusals."""
    git = call.project.git
    need = call.project.protection.tag_level(name)
    if need is not None and call.user.level < need:
        raise Refusal(403, "403 Forbidden")
    if git.tag(name) is not None:
        raise Refusal(400, f"Tag {name} already exists")
    sha = git.resolve(ref)
    if sha is None:
        raise Refusal(400, f"Target {ref} is invalid")
    tagger = (call.user.name or call.user.username, call.user.email or f"{call.user.username}@localhost")
    try:
        git.create_tag(name, sha, message=message, tagger=tagger, at=call.at)
    except GitError as error:
        raise Refusal(400, "Tag name invalid") from error


def get_commit(call: Call) -> Answer:
    """GET /projects/:id/repository/commits/:sha, with line counts and the status of the newest check."""
    commit = _existing_commit(call)
    body: dict[str, Any] = entities.commit(call.project, commit)
    if call.query.get("stats", "true") != "false":
        added, deleted = call.project.git.stats(commit.sha)
        body["stats"] = {"additions": added, "deletions": deleted, "total": added + deleted}
    statuses = call.store.all("status", f"{call.scope}/{commit.sha}")
    body["status"] = statuses[-1].body["status"] if statuses else None
    return Answer(200, {**body, "project_id": call.project.id, "last_pipeline": None})


def list_statuses(call: Call) -> Answer:
    """GET /projects/:id/repository/commits/:sha/statuses: the newest of each name, unless `all`."""
    sha = _existing_commit(call).sha
    found = call.store.all("status", f"{call.scope}/{sha}")
    if call.query.get("all") not in ("true", "yes", "1"):
        found = list({status.body["name"]: status for status in found}.values())
    for key in ("name", "ref"):
        if key in call.query:
            found = [status for status in found if status.body[key] == call.query[key]]
    return call.page([entities.commit_status(call.instance, status) for status in found])


def set_status(call: Call) -> Answer:
    """POST /projects/:id/statuses/:sha: a new check, or the next state of the one with that name."""
    call.needs()
    (state,) = call.required("state")
    if state not in STATES:
        raise Refusal(400, "state does not have a valid value", word="error")
    sha = _existing_commit(call).sha
    name = call.text("name") or call.text("context") or "default"
    finished = state in ("success", "failed", "canceled", "skipped")
    body = {
        "sha": sha,
        "ref": call.text("ref") or call.project.default_branch,
        "status": state,
        "name": name,
        "target_url": call.text("target_url"),
        "description": call.text("description"),
        "coverage": call.body.get("coverage"),
        "created_at": call.at,
        "started_at": None if state == "pending" else call.at,
        "finished_at": call.at if finished else None,
        "author": call.user.username,
    }
    scope = f"{call.scope}/{sha}"
    count = len(call.store.all("status", scope))
    call.store.add("status", scope, f"{name}/{count}", body)
    newest = call.store.all("status", scope)[-1]
    return Answer(200, entities.commit_status(call.instance, newest))


def _branch(call: Call, branch: Ref) -> dict[str, Any]:
    return entities.branch(call.project, branch, call.token.user.level if call.token else 0)


def _tag(call: Call, tag: Ref) -> dict[str, Any]:
    return entities.tag(call.project, tag, call.store.get("release", call.scope, tag.name))


def _existing_tag(call: Call, name: str | None = None) -> Ref:
    tag = call.project.git.tag(name or call.args["tag_name"])
    if tag is None:
        raise not_found("Tag")
    return tag


def _existing_commit(call: Call) -> Commit:
    commit = call.project.git.commit(call.args["sha"])
    if commit is None:
        raise not_found("Commit")
    return commit


def _when(commit: Commit) -> str:
    return commit.committed_at


def _compiled(regex: str) -> re.Pattern[str]:
    try:
        return re.compile(regex)
    except re.error as error:
        raise Refusal(400, "regex is invalid", word="error") from error
