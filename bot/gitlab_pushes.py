"""Where branches stand, and what was pushed to them. A part of bot/gitlab.py, which translates the errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from bot.ports import Commit, CommitStatus, Difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gitlab.v4.objects import Project

_PAGE = 100
_NAME = "stationmaster: smoke test"
"""What tells our check from others."""
_LONGEST = 255
"""Characters of a description that GitLab takes."""


def tips(project: Project, **how: Any) -> Mapping[str, str]:
    """See `CodeHost.tips`. `how` goes with each request."""
    found = project.branches.list(per_page=_PAGE, iterator=True, **how)
    return {str(branch.name): str(branch.commit["id"]) for branch in found}


def between(project: Project, old: str, new: str, **how: Any) -> Sequence[Commit]:
    """See `CodeHost.commits`. GitLab lists the oldest first."""
    found = cast("dict[str, Any]", project.repository_compare(old, new, **how))
    return [
        Commit(str(each["id"]), str(each.get("message") or ""), str(each.get("committer_email") or ""))
        for each in found["commits"]
    ]


def difference(project: Project, old: str, new: str, **how: Any) -> Difference:
    """See `CodeHost.compare`. GitLab leaves out files of a large difference (1,000, 50,000 lines).

    It calls that `compare_timeout`; of a file that is too large by itself an old one tells not even the name.
    """
    found = cast("dict[str, Any]", project.repository_compare(old, new, straight=True, **how))
    files = {str(diff[side]) for diff in found["diffs"] for side in ("old_path", "new_path")}
    complete = not found.get("compare_timeout") and "" not in files
    return Difference(len(found["commits"]), tuple(sorted(files - {""})), str(found.get("web_url") or ""), complete)


def set_status(project: Project, commit: str, status: CommitStatus, **how: Any) -> None:
    """See `CodeHost.set_status`."""
    told = {"state": status.state, "name": _NAME, "description": status.description[:_LONGEST]}
    told |= {"target_url": status.url} if status.url else {}
    project.commits.get(commit, lazy=True).statuses.create(told, **how)
