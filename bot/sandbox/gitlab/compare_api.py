"""REST: two commits compared (docs.gitlab.com, "Repositories API" and "Diff limits administration")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.sandbox.gitlab import entities
from bot.sandbox.gitlab.call import Answer, Refusal, not_found

if TYPE_CHECKING:
    from bot.sandbox.gitlab.call import Call

MOST_FILES = 1_000
"""Of a larger difference the other files are left out, and `compare_timeout` is true."""
SHOWN_FILES = 100
"""Files whose patches are shown; the others are collapsed."""


def compare(call: Call) -> Answer:
    """GET /projects/:id/repository/compare: from the merge base, or with `straight` from `from` itself."""
    missing = [f"{name} is missing" for name in ("from", "to") if name not in call.query]
    if missing:
        raise Refusal(400, ", ".join(missing), word="error")
    git = call.project.git
    old, new = (git.resolve(call.query[name]) for name in ("from", "to"))
    if old is None or new is None:
        raise not_found("Ref")
    shown = [entities.commit(call.project, commit) for commit in git.between(old, new)]
    start = old if call.flag("straight") else git.merge_base(old, new) or old
    changes = git.changed(start, new)
    body: dict[str, Any] = {
        "commit": shown[-1] if shown else None,
        "commits": shown,
        "diffs": [
            entities.file_diff(change, git.patch(start, new, change) if at < SHOWN_FILES else None)
            for at, change in enumerate(changes[:MOST_FILES])
        ],
        "compare_timeout": len(changes) > MOST_FILES,
        "compare_same_ref": old == new,
        "web_url": f"{call.project.url}/-/compare/{start}...{new}",
    }
    return Answer(200, body)
