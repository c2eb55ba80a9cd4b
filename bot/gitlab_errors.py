"""What GitLab's refusals mean: the errors of python-gitlab as ours, each a sentence. A part of bot/gitlab.py."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from gitlab.exceptions import GitlabError

from bot.errors import Conflict, DoorError, NotFound, Unauthorised, Unavailable

_LONGEST_QUOTE = 200
"""Characters of GitLab's own words."""


class RefusedError(Conflict):
    """400, 409 or 422: GitLab understood and said no."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class RateLimitedError(Unavailable):
    """429: nothing was done."""


def of_project(error: GitlabError) -> bool:
    """Whether it is the project that GitLab does not find."""
    return "project" in said(error).lower()


def in_json(error: GitlabError) -> bool:
    """Whether the refusal is GitLab's own, and not the page of something else."""
    try:
        return isinstance(json.loads(error.response_body or b""), dict)
    except ValueError:
        return False


def translated(error: GitlabError, what: str, path: str, retry_after: float | None) -> DoorError:
    """The error of ours that the one of python-gitlab means. `what` was being done, of the project at `path`."""
    status, why = error.response_code, said(error)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Unauthorised(
            f"GitLab refused the token ({status}: {why}) while {what}. It must be valid, have the scope `api` and at "
            f"least the role Developer in {path}; protected branches and tags must allow it."
        )
    if status == HTTPStatus.NOT_FOUND:
        return _not_found(error, what, path)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimitedError(f"GitLab asks to wait (429) while {what}.", retry_after=retry_after)
    if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY):
        return RefusedError(f"GitLab refused ({status}: {why}) while {what}.", status=status)
    return Unavailable(f"GitLab is in trouble ({status or 'no status'}: {why}) while {what}.", retry_after=retry_after)


def _not_found(error: GitlabError, what: str, path: str) -> NotFound:
    if not in_json(error):
        return NotFound(f"There is no GitLab API at that address (404) while {what}. Check GITLAB_URL.")
    if of_project(error):
        return NotFound(f"GitLab has no project {path} that the token can see. Check the path and the token.")
    return NotFound(f"GitLab answered `{said(error)}` while {what}.")


def said(error: GitlabError) -> str:
    """GitLab's own words on one line: a text, a list or a table of them, or the start of a page."""
    words: Any = error.error_message
    text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
    return " ".join(text.split())[:_LONGEST_QUOTE]
