"""The REST API under /api/v4: an explicit table of operations, the check of the token, and the errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from bot.sandbox.gitlab import compare_api, entities, files_api, merge_requests_api, refs_api, releases_api
from bot.sandbox.gitlab.access import secret_in
from bot.sandbox.gitlab.call import Answer, Call, Refusal, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.sandbox.gitlab.access import Token
    from bot.sandbox.gitlab.instance import Instance, Project

PREFIX = "/api/v4/"


def get_user(call: Call) -> Answer:
    """GET /user: who the token is."""
    return Answer(200, entities.user_public(call.instance, call.user))


def get_version(call: Call) -> Answer:
    """GET /version and /metadata."""
    call.needs(0)
    kas = {"enabled": False, "externalUrl": None, "version": None}
    return Answer(200, {"version": "19.5.0", "revision": "sandbox", "kas": kas, "enterprise": False})


def get_token(call: Call) -> Answer:
    """GET /personal_access_tokens/self."""
    if call.token is None:
        raise Refusal(401, "401 Unauthorized")
    return Answer(200, entities.personal_access_token(call.instance, call.token))


def get_project(call: Call) -> Answer:
    """GET /projects/:id."""
    return Answer(200, entities.project(call.instance, call.project, call.token))


def list_members(call: Call) -> Answer:
    """GET /projects/:id/members/all."""
    word = call.query.get("query", "").lower()
    found = [user for user in call.instance.users if word in f"{user.username} {user.name}".lower()]
    return call.page([entities.member(call.instance, user, call.project.created_at) for user in found])


@dataclass(frozen=True)
class Operation:
    """One line of the API. `:name` in the path stands for one segment, which may hold quoted slashes."""

    method: str
    path: str
    run: Callable[[Call], Answer]

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The arguments, when the path is this operation's."""
        parts = self.path.split("/")
        if len(parts) != len(segments):
            return None
        pairs = list(zip(parts, segments, strict=True))
        if any(not part.startswith(":") and part != segment for part, segment in pairs):
            return None
        return {part[1:]: unquote(segment) for part, segment in pairs if part.startswith(":")}


_PROJECT = "projects/:id"
_REPOSITORY = f"{_PROJECT}/repository"
_RELEASE = f"{_PROJECT}/releases/:tag_name"
_NOTES = f"{_PROJECT}/merge_requests/:iid/notes"
OPERATIONS = (
    Operation("GET", "user", get_user),
    Operation("GET", "version", get_version),
    Operation("GET", "metadata", get_version),
    Operation("GET", "personal_access_tokens/self", get_token),
    Operation("GET", _PROJECT, get_project),
    Operation("GET", f"{_PROJECT}/members/all", list_members),
    Operation("GET", f"{_REPOSITORY}/branches", refs_api.list_branches),
    Operation("GET", f"{_REPOSITORY}/branches/:branch", refs_api.get_branch),
    Operation("GET", f"{_REPOSITORY}/tags", refs_api.list_tags),
    Operation("POST", f"{_REPOSITORY}/tags", refs_api.create_tag),
    Operation("GET", f"{_REPOSITORY}/tags/:tag_name", refs_api.get_tag),
    Operation("DELETE", f"{_REPOSITORY}/tags/:tag_name", refs_api.delete_tag),
    Operation("GET", f"{_REPOSITORY}/tree", files_api.get_tree),
    Operation("GET", f"{_REPOSITORY}/files/:file_path/raw", files_api.get_raw_file),
    Operation("GET", f"{_REPOSITORY}/compare", compare_api.compare),
    Operation("GET", f"{_REPOSITORY}/commits/:sha", refs_api.get_commit),
    Operation("GET", f"{_REPOSITORY}/commits/:sha/statuses", refs_api.list_statuses),
    Operation("POST", f"{_PROJECT}/statuses/:sha", refs_api.set_status),
    Operation("GET", f"{_REPOSITORY}/commits/:sha/merge_requests", merge_requests_api.merge_requests_of_commit),
    Operation("GET", f"{_PROJECT}/releases", releases_api.list_releases),
    Operation("POST", f"{_PROJECT}/releases", releases_api.create_release),
    Operation("GET", _RELEASE, releases_api.get_release),
    Operation("PUT", _RELEASE, releases_api.update_release),
    Operation("DELETE", _RELEASE, releases_api.delete_release),
    Operation("GET", f"{_RELEASE}/assets/links", releases_api.list_links),
    Operation("POST", f"{_RELEASE}/assets/links", releases_api.create_link),
    Operation("GET", f"{_RELEASE}/assets/links/:link_id", releases_api.get_link),
    Operation("PUT", f"{_RELEASE}/assets/links/:link_id", releases_api.update_link),
    Operation("DELETE", f"{_RELEASE}/assets/links/:link_id", releases_api.delete_link),
    Operation("GET", f"{_PROJECT}/merge_requests", merge_requests_api.list_merge_requests),
    Operation("POST", f"{_PROJECT}/merge_requests", merge_requests_api.create_merge_request),
    Operation("GET", f"{_PROJECT}/merge_requests/:iid", merge_requests_api.get_merge_request),
    Operation("GET", _NOTES, merge_requests_api.list_notes),
    Operation("POST", _NOTES, merge_requests_api.create_note),
    Operation("PUT", f"{_NOTES}/:note_id", merge_requests_api.update_note),
)


@dataclass(frozen=True)
class Asked:
    """A request. `raw_path` is still quoted; `headers` have lower-case names."""

    method: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    content: bytes


def answer(instance: Instance, asked: Asked) -> Answer:
    """Answer one request. Blocks while git works."""
    try:
        query = dict(parse_qsl(asked.query, keep_blank_values=True))
        token = _token(instance, asked.headers, query)
        operation, args = _operation(asked.method, asked.raw_path)
        _check_scope(token, asked.method, operation)
        call = Call(
            instance=instance,
            token=token,
            path=asked.raw_path,
            args=args,
            query=query,
            body=_body(asked.headers, asked.content) if asked.content else {},
            at=entities.moment(instance.clock.now()),
            known_project=_project(instance, token, args["id"]) if "id" in args else None,
        )
        return operation.run(call)
    except Refusal as refusal:
        return refusal.answer


def _token(instance: Instance, headers: Mapping[str, str], query: Mapping[str, str]) -> Token | None:
    secret = secret_in(headers) or query.get("private_token")
    if secret is None:
        return None
    token = instance.tokens.find(secret)
    if token is None:
        raise Refusal(401, "401 Unauthorized")
    if instance.tokens.expired(token):
        refusal = Refusal(401, "invalid_token", word="error")
        refusal.answer.body["error_description"] = (
            "Token is expired. You can either do re-authorization or token refresh."
        )
        raise refusal
    return token


def _operation(method: str, raw_path: str) -> tuple[Operation, dict[str, str]]:
    segments = raw_path.removeprefix(PREFIX).rstrip("/").split("/")
    found = [(operation, args) for operation in OPERATIONS if (args := operation.match(segments)) is not None]
    if not found:
        raise not_found()
    for operation, args in found:
        if operation.method == method or (method == "HEAD" and operation.method == "GET"):
            return operation, args
    raise Refusal(405, "405 Not Allowed", word="error")


def _check_scope(token: Token | None, method: str, operation: Operation) -> None:
    if token is None or operation.run is get_token:
        return
    reading = method in ("GET", "HEAD")
    wanted = ["api", *(["read_api"] if reading else []), *(["read_user"] if operation.run is get_user else [])]
    if not token.allows(*wanted):
        refusal = Refusal(403, "insufficient_scope", word="error")
        said = "The request requires higher privileges than provided by the access token."
        refusal.answer.body.update(error_description=said, scope=" ".join(wanted))
        raise refusal


def _project(instance: Instance, token: Token | None, id_or_path: str) -> Project:
    project = instance.project(id_or_path)
    if project is None or (token is None and project.visibility != "public"):
        raise not_found("Project")
    return project


def _body(headers: Mapping[str, str], content: bytes) -> dict[str, Any]:
    if "json" not in headers.get("content-type", ""):
        return dict(parse_qsl(content.decode(errors="replace"), keep_blank_values=True))
    try:
        body = json.loads(content)
    except ValueError as error:
        raise Refusal(400, "Problems parsing JSON", word="error") from error
    return body if isinstance(body, dict) else {}
