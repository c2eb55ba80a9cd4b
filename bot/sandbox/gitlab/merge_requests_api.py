"""REST: merge requests and their notes.

Creating and reading one merge request, and changing a note, are not in the contract extract; they follow
docs.gitlab.com/api/merge_requests and docs.gitlab.com/api/notes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.sandbox.gitlab import entities
from bot.sandbox.gitlab.call import Answer, Refusal, not_found

if TYPE_CHECKING:
    from bot.sandbox.gitlab.call import Call
    from bot.sandbox.gitlab.instance import Project
    from bot.sandbox.gitlab.store import Document, Store


def list_merge_requests(call: Call) -> Answer:
    """GET /projects/:id/merge_requests, newest first, by state and branches."""
    state = call.choice("state", "all", "opened", "closed", "locked", "merged")
    found = merge_requests(call.store, call.project, call.at)
    wanted = {key: call.query[key] for key in ("source_branch", "target_branch") if key in call.query}
    if state != "all":
        wanted["state"] = state
    found = [it for it in found if all(it.body[key] == value for key, value in wanted.items())]
    if call.choice("sort", "desc", "asc") == "desc":
        found.reverse()
    return call.page([_present(call, it) for it in found])


def create_merge_request(call: Call) -> Answer:
    """POST /projects/:id/merge_requests. A second open one for the same branches is 409."""
    call.needs()
    source, target, title = call.required("source_branch", "target_branch", "title")
    if source == target:
        raise Refusal(422, ["You can't use same project/branch for source and target"])
    git = call.project.git
    head, base = git.resolve(source), git.resolve(target)
    if head is None or base is None:
        side, name = ("Source", source) if head is None else ("Target", target)
        raise Refusal(400, [f'{side} branch "{name}" does not exist'])
    labels = call.body.get("labels") or []
    body = {
        "title": title,
        "description": call.text("description"),
        "state": "opened",
        "created_at": call.at,
        "updated_at": call.at,
        "merged_at": None,
        "source_branch": source,
        "target_branch": target,
        "author": call.user.username,
        "labels": labels.split(",") if isinstance(labels, str) else list(labels),
        "remove_source_branch": bool(call.body.get("remove_source_branch")),
        "sha": head,
        "base": git.merge_base(head, base),
    }
    with call.store.transaction():
        everything = call.store.all("merge_request", call.scope)
        for other in everything:
            same = (other.body["source_branch"], other.body["target_branch"]) == (source, target)
            if same and other.body["state"] == "opened":
                said = f"Another open merge request already exists for this source branch: !{other.key}"
                raise Refusal(409, [said])
        iid = str(len(everything) + 1)
        call.store.add("merge_request", call.scope, iid, body)
    return Answer(201, _present(call, _existing(call, iid)))


def get_merge_request(call: Call) -> Answer:
    """GET /projects/:id/merge_requests/:iid."""
    return Answer(200, _present(call, _existing(call, call.args["iid"])))


def merge_requests_of_commit(call: Call) -> Answer:
    """GET /projects/:id/repository/commits/:sha/merge_requests."""
    git = call.project.git
    sha = git.resolve(call.args["sha"])
    if sha is None:
        raise not_found("Commit")
    state = call.choice("state", "", "opened", "closed", "locked", "merged")
    found = [
        it
        for it in merge_requests(call.store, call.project, call.at)
        if state in ("", it.body["state"])
        and git.is_ancestor(sha, it.body["sha"])
        and not (it.body["base"] and git.is_ancestor(sha, it.body["base"]))
    ]
    return call.page([_present(call, it) for it in found])


def list_notes(call: Call) -> Answer:
    """GET /projects/:id/merge_requests/:iid/notes: newest first."""
    merge_request = _existing(call, call.args["iid"])
    notes = _notes(call, merge_request)
    if call.choice("sort", "desc", "asc") == "desc":
        notes.reverse()
    return call.page([_note(call, merge_request, note) for note in notes])


def create_note(call: Call) -> Answer:
    """POST /projects/:id/merge_requests/:iid/notes."""
    merge_request = _existing(call, call.args["iid"])
    (text,) = call.required("body")
    note = {
        "body": text,
        "author": call.user.username,
        "created_at": call.at,
        "updated_at": call.at,
        "internal": bool(call.body.get("internal")),
    }
    scope = _note_scope(call, merge_request)
    with call.store.transaction():
        call.store.add("note", scope, str(len(call.store.all("note", scope)) + 1), note)
    return Answer(201, _note(call, merge_request, _notes(call, merge_request)[-1]))


def update_note(call: Call) -> Answer:
    """PUT /projects/:id/merge_requests/:iid/notes/:note_id."""
    merge_request = _existing(call, call.args["iid"])
    wanted = call.number("note_id")
    note = next((note for note in _notes(call, merge_request) if note.id == wanted), None)
    if note is None:
        raise not_found("Note")
    (text,) = call.required("body")
    call.store.replace(note.id, note.key, {**note.body, "body": text, "updated_at": call.at})
    changed = next(each for each in _notes(call, merge_request) if each.id == wanted)
    return Answer(200, _note(call, merge_request, changed))


def merge_requests(store: Store, project: Project, at: str) -> list[Document]:
    """All of a project's, oldest first, brought up to date with git: a head that moved, a merge by push."""
    for it in store.all("merge_request", str(project.id)):
        if it.body["state"] == "opened":
            changed = _refreshed(project, it.body, at)
            if changed != it.body:
                store.replace(it.id, it.key, changed)
    return store.all("merge_request", str(project.id))


def _refreshed(project: Project, body: dict[str, Any], at: str) -> dict[str, Any]:
    git = project.git
    sha = git.resolve(body["source_branch"]) or body["sha"]
    target = git.resolve(body["target_branch"])
    moved = {**body, "sha": sha}
    if target and sha != body["base"] and git.is_ancestor(sha, target):
        return {**moved, "state": "merged", "merged_at": at, "updated_at": at}
    return moved


def _existing(call: Call, iid: str) -> Document:
    found = next((it for it in merge_requests(call.store, call.project, call.at) if it.key == iid), None)
    if found is None:
        raise not_found("Merge Request")
    return found


def _note_scope(call: Call, merge_request: Document) -> str:
    return f"{call.scope}/{merge_request.key}"


def _notes(call: Call, merge_request: Document) -> list[Document]:
    return call.store.all("note", _note_scope(call, merge_request))


def _note(call: Call, merge_request: Document, note: Document) -> dict[str, Any]:
    return entities.note(call.instance, call.project, merge_request, note)


def _present(call: Call, it: Document) -> dict[str, Any]:
    return entities.merge_request(call.instance, call.project, it, len(_notes(call, it)))
