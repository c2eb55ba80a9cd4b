"""What GitLab's answers look like (facts/gitlab-contract.yaml, the schemas APIEntities*)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bot.sandbox.gitlab.markdown import render

if TYPE_CHECKING:
    from bot.sandbox.gitlab.access import Token, User
    from bot.sandbox.gitlab.instance import Instance, Project
    from bot.sandbox.gitlab.repository import Change, Commit, Ref
    from bot.sandbox.gitlab.store import Document


def moment(timestamp: float) -> str:
    """A time as GitLab writes it: `2019-01-03T01:56:19.539Z`."""
    return datetime.fromtimestamp(timestamp, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def user_basic(instance: Instance, user: User) -> dict[str, Any]:
    """APIEntitiesUserBasic."""
    return {
        "id": instance.user_id(user),
        "username": user.username,
        "public_email": user.email or None,
        "name": user.name or user.username,
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"{instance.url}/{quote(user.username)}",
    }


def user_public(instance: Instance, user: User) -> dict[str, Any]:
    """APIEntitiesUserPublic, of the one who asks."""
    return {
        **user_basic(instance, user),
        "bot": user.bot,
        "email": user.email,
        "commit_email": user.email,
        "identities": [],
        "can_create_group": False,
        "can_create_project": False,
        "two_factor_enabled": False,
        "external": False,
        "private_profile": False,
    }


def member(instance: Instance, user: User, created_at: str) -> dict[str, Any]:
    """APIEntitiesMember."""
    return {
        **user_basic(instance, user),
        "access_level": user.level,
        "created_at": created_at,
        "expires_at": None,
        "membership_state": "active",
    }


def personal_access_token(instance: Instance, token: Token) -> dict[str, Any]:
    """The answer of GET /personal_access_tokens/self, which the contract extract does not hold (docs.gitlab.com)."""
    expired = instance.tokens.expired(token)
    return {
        "id": instance.tokens.id_of(token),
        "name": token.name,
        "revoked": False,
        "created_at": "2026-01-01T00:00:00.000Z",
        "description": None,
        "scopes": sorted(token.scopes),
        "user_id": instance.user_id(token.user),
        "last_used_at": None,
        "active": not expired,
        "expires_at": token.expires_on,
    }


def project(instance: Instance, it: Project, token: Token | None) -> dict[str, Any]:
    """APIEntitiesProjectsWithAccessAndCatalogSetting, the fields that say something here."""
    api = f"{instance.url}/api/v4/projects/{it.id}"
    group = it.path.rpartition("/")[0]
    level = None if token is None else {"access_level": token.user.level, "notification_level": 3}
    return {
        "id": it.id,
        "description": None,
        "name": it.name,
        "name_with_namespace": it.path.replace("/", " / "),
        "path": it.name,
        "path_with_namespace": it.path,
        "created_at": it.created_at,
        "default_branch": it.default_branch,
        "topics": [],
        "http_url_to_repo": it.git_url,
        "web_url": it.url,
        "readme_url": f"{it.page('blob', it.default_branch)}/README.md",
        "forks_count": 0,
        "star_count": 0,
        "last_activity_at": it.created_at,
        "visibility": it.visibility,
        "namespace": {"id": 1, "name": group, "path": group, "kind": "group", "full_path": group, "parent_id": None},
        "_links": {"self": api, "merge_requests": f"{api}/merge_requests", "members": f"{api}/members"},
        "empty_repo": not it.git.branches(),
        "archived": False,
        "merge_requests_enabled": True,
        "merge_method": "merge",
        "permissions": {"project_access": level, "group_access": None},
    }


def file_diff(change: Change, patch: str | None) -> dict[str, Any]:
    """APIEntitiesDiff; without a patch it is collapsed."""
    return {
        "diff": patch[patch.find("@@") :] if patch and "@@" in patch else "",
        "collapsed": patch is None,
        "too_large": False,
        "new_path": change.new_path,
        "old_path": change.old_path,
        "a_mode": change.old_mode.lstrip("0") or "0",
        "b_mode": change.new_mode.lstrip("0") or "0",
        "new_file": change.status == "A",
        "renamed_file": change.status == "R",
        "deleted_file": change.status == "D",
        "generated_file": None,
    }


def commit(project: Project, it: Commit) -> dict[str, Any]:
    """APIEntitiesCommit."""
    extended: dict[str, list[str]] = {}
    for key, value in it.trailers:
        extended.setdefault(key, []).append(value)
    return {
        "id": it.sha,
        "short_id": it.sha[:8],
        "created_at": it.committed_at,
        "parent_ids": list(it.parents),
        "title": it.title,
        "message": it.message,
        "author_name": it.author_name,
        "author_email": it.author_email,
        "authored_date": it.authored_at,
        "committer_name": it.committer_name,
        "committer_email": it.committer_email,
        "committed_date": it.committed_at,
        "trailers": dict(it.trailers),
        "extended_trailers": extended,
        "web_url": project.page("commit", it.sha),
    }


def branch(project: Project, it: Ref, level: int) -> dict[str, Any]:
    """APIEntitiesBranch. `level` is the role of the one who asks."""
    need = project.protection.branch_level(it.name)
    return {
        "name": it.name,
        "commit": commit(project, it.commit),
        "merged": False,
        "protected": need is not None,
        "developers_can_push": need is None or need <= 30,  # noqa: PLR2004 - GitLab's number for Developer
        "developers_can_merge": need is None or need <= 30,  # noqa: PLR2004
        "can_push": level >= (need or 30),
        "default": it.name == project.default_branch,
        "web_url": project.page("tree", it.name),
    }


def tag(project: Project, it: Ref, release: Document | None) -> dict[str, Any]:
    """APIEntitiesTag. `target` is the tag object of an annotated tag, else the commit."""
    short = None if release is None else {"tag_name": it.name, "description": release.body["description"]}
    return {
        "name": it.name,
        "message": it.message or "",
        "target": it.object,
        "commit": commit(project, it.commit),
        "release": short,
        "protected": project.protection.tag_level(it.name) is not None,
        "created_at": it.created_at if it.message is not None else None,
    }


def release_link(project: Project, tag_name: str, it: Document) -> dict[str, Any]:
    """APIEntitiesReleasesLink. With a path the direct address is a stable redirect, else the url itself."""
    path = it.body["path"]
    direct = project.page("releases", tag_name, "downloads") + quote(path) if path else it.body["url"]
    return {
        "id": it.id,
        "name": it.body["name"],
        "url": it.body["url"],
        "direct_asset_url": direct,
        "link_type": it.body["link_type"],
    }


def release(
    instance: Instance, project: Project, it: Document, links: list[Document], commit_of: Commit | None, *, html: bool
) -> dict[str, Any]:
    """APIEntitiesRelease. Links newest first, as GitLab lists them."""
    name, body = it.key, it.body
    archive = f"{project.name}-{name.replace('/', '-')}"
    sources = [
        {"format": form, "url": f"{project.page('archive', name)}/{quote(archive)}.{form}"}
        for form in ("zip", "tar.gz")
    ]
    page = project.page("releases", name)
    return {
        "name": body["name"],
        "tag_name": name,
        "description": body["description"],
        "created_at": body["created_at"],
        "released_at": body["released_at"],
        "upcoming_release": body["released_at"] > moment(instance.clock.now()),
        **({"description_html": render(body["description"])} if html else {}),
        "author": user_basic(instance, instance.user(body["author"])),
        **({} if commit_of is None else {"commit": commit(project, commit_of)}),
        "milestones": [],
        "commit_path": f"/{project.path}/-/commit/{commit_of.sha if commit_of else ''}",
        "tag_path": f"/{project.path}/-/tags/{quote(name)}",
        "assets": {
            "count": len(links) + len(sources),
            "sources": sources,
            "links": [release_link(project, name, link) for link in reversed(links)],
        },
        "evidences": [],
        "_links": {"self": page, "edit_url": f"{page}/edit"},
    }


def merge_request(instance: Instance, project: Project, it: Document, notes: int) -> dict[str, Any]:
    """APIEntitiesMergeRequestBasic."""
    body = it.body
    iid = int(it.key)
    return {
        "id": it.id,
        "iid": iid,
        "project_id": project.id,
        "title": body["title"],
        "description": body["description"],
        "state": body["state"],
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
        "merged_at": body["merged_at"],
        "target_branch": body["target_branch"],
        "source_branch": body["source_branch"],
        "user_notes_count": notes,
        "upvotes": 0,
        "downvotes": 0,
        "author": user_basic(instance, instance.user(body["author"])),
        "assignees": [],
        "assignee": None,
        "reviewers": [],
        "source_project_id": project.id,
        "target_project_id": project.id,
        "labels": body["labels"],
        "draft": body["title"].startswith("Draft:"),
        "milestone": None,
        "merge_status": "can_be_merged",
        "detailed_merge_status": "mergeable",
        "sha": body["sha"],
        "merge_commit_sha": None,
        "squash_commit_sha": None,
        "should_remove_source_branch": body["remove_source_branch"],
        "reference": f"!{iid}",
        "references": {"short": f"!{iid}", "relative": f"!{iid}", "full": f"{project.path}!{iid}"},
        "web_url": project.page("merge_requests", str(iid)),
        "squash": False,
        "has_conflicts": False,
        "blocking_discussions_resolved": True,
    }


def note(instance: Instance, project: Project, merge_request: Document, it: Document) -> dict[str, Any]:
    """APIEntitiesNote."""
    return {
        "id": it.id,
        "type": None,
        "body": it.body["body"],
        "author": user_basic(instance, instance.user(it.body["author"])),
        "created_at": it.body["created_at"],
        "updated_at": it.body["updated_at"],
        "system": False,
        "noteable_id": merge_request.id,
        "noteable_type": "MergeRequest",
        "project_id": project.id,
        "resolvable": False,
        "confidential": it.body["internal"],
        "internal": it.body["internal"],
        "noteable_iid": int(merge_request.key),
    }


def commit_status(instance: Instance, it: Document) -> dict[str, Any]:
    """APIEntitiesCommitStatus."""
    return {
        "id": it.id,
        **{key: it.body[key] for key in ("sha", "ref", "status", "name", "target_url", "description", "coverage")},
        **{key: it.body[key] for key in ("created_at", "started_at", "finished_at")},
        "allow_failure": False,
        "pipeline_id": 1,
        "author": user_basic(instance, instance.user(it.body["author"])),
    }
