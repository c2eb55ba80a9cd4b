"""What went wrong with a call to Slack, in Stationmaster's own errors. Translated here, once.

Rules: `Unavailable` with a `retry_after` means that Slack refused before it did anything (429): nothing to look for
before the next try. `Unavailable` without one leaves it open whether the call took effect (a lost connection, a 5xx).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException

from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import Conflict, DoorError, NotFound, Unauthorised, Unavailable
from bot.tally import DOORS

PATIENCE = 30.0
"""Seconds to wait after a 429 that does not say how long."""

REFUSED = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "token_expired",
        "token_revoked",
    }
)
GONE = frozenset(
    {
        "cant_update_message",
        "channel_not_found",
        "is_archived",
        "is_inactive",
        "message_not_found",
        "not_found",  # a modal that was closed
        "not_in_channel",
        "restricted_action",
        "thread_not_found",
        "user_not_found",
        "user_not_in_channel",
        "user_not_visible",
        "users_not_found",
    }
)
TOO_LATE = frozenset({"exchanged_trigger_id", "expired_trigger_id", "hash_conflict", "trigger_expired"})
"""A modal can be opened once for each press, and for 3 s; and only the newest version of one can be changed."""
PASSING = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"})
WITHOUT = frozenset({"missing_scope", "unknown_method", "not_allowed_token_type", "method_deprecated"})
"""Words of a workspace, or of another Slack, that simply lacks the method."""


def word_of(error: SlackApiError) -> str:
    """Slack's word for what went wrong (`channel_not_found`)."""
    try:
        return str(error.response.get("error") or "")
    except (AttributeError, ValueError):
        return ""


@contextmanager
def translated(method: str) -> Iterator[None]:
    """Errors of one call to `method`, as `DoorError`s."""
    with DOORS.of("slack"), _in_our_words(method):
        yield


@contextmanager
def _in_our_words(method: str) -> Iterator[None]:
    try:
        yield
    except SlackApiError as error:
        raise _translate(method, error) from error
    except SlackClientError as error:
        raise Unavailable(f"Slack did not take {method}: {error}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise Unavailable(f"Slack did not answer {method}: {error}") from error


def _translate(method: str, error: SlackApiError) -> DoorError:
    word, status = word_of(error), getattr(error.response, "status_code", HTTPStatus.OK)
    said = f"Slack refused {method}: {word[:200] or status}"
    if word in ("ratelimited", "rate_limited") or status == HTTPStatus.TOO_MANY_REQUESTS:
        return Unavailable(f"Slack asks to wait before {method}", retry_after=_retry_after(error))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or word in PASSING:
        return Unavailable(f"Slack had a fault in {method} ({word[:200] or status})")
    if word in REFUSED:
        return Unauthorised(f"{said}. Look at the app's token and scopes.")
    if word in TOO_LATE:
        return Conflict(said)
    if word in GONE:
        return NotFound(said)
    return DoorError(said)


def _retry_after(error: SlackApiError) -> float:
    headers = getattr(error.response, "headers", None) or {}
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return max(0.0, float(value[0] if isinstance(value, list) else value))
            except ValueError:
                break
    return PATIENCE
