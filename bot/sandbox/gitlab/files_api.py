"""REST: the files of a commit, and the content of one (docs.gitlab.com, "Repositories" and "Repository files")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.sandbox.gitlab.call import Answer, Refusal, not_found

if TYPE_CHECKING:
    from bot.sandbox.gitlab.call import Call


def get_tree(call: Call) -> Answer:
    """GET /projects/:id/repository/tree: everything below a folder with `recursive`, else what stands in it."""
    ref, path = call.query.get("ref") or call.project.default_branch, call.query.get("path", "")
    sha = call.project.git.resolve(ref)
    if sha is None:
        raise not_found("Tree")
    nodes = call.project.git.tree(sha, path, recursive=call.flag("recursive"))
    if nodes is None:
        raise Refusal(404, "404 invalid revision or path Not Found")
    entries = [
        {"id": each.id, "name": each.path.rpartition("/")[2], "type": each.kind, "path": each.path, "mode": each.mode}
        for each in nodes
    ]
    return call.page(entries)


def get_raw_file(call: Call) -> Answer:
    """GET /projects/:id/repository/files/:file_path/raw: the bytes, and nothing else; of git-lfs the pointer."""
    if ".." in call.args["file_path"].split("/"):
        raise Refusal(400, "file_path should be a valid file path", word="error")
    sha = call.project.git.resolve(call.query.get("ref") or call.project.default_branch)
    if sha is None:
        raise not_found("Commit")
    content = call.project.git.file(sha, call.args["file_path"])
    if content is None:
        raise not_found("File")
    return Answer(200, content)
