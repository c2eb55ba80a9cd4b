"""The one note that we keep in a branch's merge request. A part of bot/gitlab.py, which translates the errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gitlab.v4.objects import Project, ProjectMergeRequest, ProjectMergeRequestNote

_MOST = 1_000
"""Notes that are looked through, the oldest first: ours comes early, with the first release of the branch."""
_PAGE = 100


def upsert(project: Project, branch: str, marker: str, body: str, **how: Any) -> str | None:
    """See `CodeHost.upsert_note`. Three requests; one when there is no merge request, two when nothing changed.

    `how` goes with each request.
    """
    request = _open_request(project, branch, **how)
    if request is None:
        return None
    text = f"{marker}\n{body}"
    note = _ours(request, marker, **how)
    if note is None:
        request.notes.create({"body": text}, **how)
    elif note.body.strip() != text.strip():
        request.notes.update(note.id, {"body": text}, **how)
    return str(request.web_url)


def _open_request(project: Project, branch: str, **how: Any) -> ProjectMergeRequest | None:
    """The newest one; that of a fork whose branch has the same name is somebody else's."""
    found = project.mergerequests.list(
        state="opened", source_branch=branch, per_page=_PAGE, get_all=False, order_by="created_at", sort="desc", **how
    )
    own = (it for it in found if it.attributes.get("source_project_id") in (None, it.attributes.get("project_id")))
    return next(own, None)


def _ours(request: ProjectMergeRequest, marker: str, **how: Any) -> ProjectMergeRequestNote | None:
    for page in range(1, _MOST // _PAGE + 1):
        notes = request.notes.list(sort="asc", order_by="created_at", page=page, per_page=_PAGE, get_all=False, **how)
        found = next((note for note in notes if note.body.startswith(marker)), None)
        if found is not None or len(notes) < _PAGE:
            return found
    return None
