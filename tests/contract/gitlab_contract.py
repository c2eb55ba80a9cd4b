"""GitLab's own description of its REST API (../shared/facts/gitlab-contract.yaml), to hold answers against.

Every answer must have a status that the description names, and only fields that it names, with their types. The
description leaves out that fields may be null, and some arrays; its own notes say so and are heeded here.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, FormatChecker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

CONTRACT = Path(__file__).parents[2].parent / "shared" / "facts" / "gitlab-contract.yaml"

# Operations that the extract leaves out, with the schema of what they answer (docs.gitlab.com).
BEYOND: dict[str, tuple[int, str | None]] = {
    "GET personal_access_tokens/self": (200, None),
    "GET projects/:id/repository/compare": (200, None),
    "DELETE projects/:id/repository/tags/:tag_name": (204, None),
    "GET projects/:id/repository/tree": (200, None),
    "GET projects/:id/repository/files/:file_path/raw": (200, None),
    "POST projects/:id/merge_requests": (201, "APIEntitiesMergeRequestBasic"),
    "GET projects/:id/merge_requests/:iid": (200, "APIEntitiesMergeRequestBasic"),
    "PUT projects/:id/merge_requests/:iid/notes/:note_id": (200, "APIEntitiesNote"),
}
LISTS_IN_PRACTICE = {"GET projects/:id/merge_requests/:iid/notes"}  # x-note of the extract


class Contract:
    """The description, as JSON Schema that also says no to fields it does not name."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._components = {name: _strict(schema) for name, schema in document["components"]["schemas"].items()}
        self._parameters = document["components"]["parameters"]
        self._operations: dict[str, dict[str, Any]] = {}
        for path, item in document["paths"].items():
            shape = re.sub(r"\{\w+\}", ":", path.removeprefix("/api/v4/"))
            for method in ("get", "post", "put", "delete"):
                if method in item:
                    self._operations[f"{method.upper()} {shape}"] = item[method]

    def knows(self, operation: str) -> bool:
        return _shape(operation) in self._operations

    def choices(self, operation: str) -> list[tuple[str, str]]:
        """Every word that an enumerated query parameter of the operation may have."""
        described = self._operations.get(_shape(operation), {}).get("parameters", [])
        resolved = [self._parameters[p["$ref"].rsplit("/", 1)[1]] if "$ref" in p else p for p in described]
        return [(p["name"], word) for p in resolved if p["in"] == "query" for word in p["schema"].get("enum", [])]

    def check(self, operation: str, answer: httpx.Response) -> None:
        """Fail when the answer is not one that the description allows."""
        if operation in BEYOND:
            status, schema_name = BEYOND[operation]
            allowed = {str(status)}
            schema: Any = {"$ref": f"#/components/schemas/{schema_name}"} if schema_name else None
        else:
            responses = self._operations[_shape(operation)]["responses"]
            allowed = set(responses)
            content = responses.get(str(answer.status_code), {}).get("content")
            schema = content["application/json"]["schema"] if content else None
        if answer.status_code >= 400:
            _check_refusal(operation, answer, allowed)
            return
        assert str(answer.status_code) in allowed, f"{operation} answered {answer.status_code}: {answer.text}"
        if schema is None:
            return
        if operation in LISTS_IN_PRACTICE:
            schema = {"type": "array", "items": schema}
        problems = sorted(self._validator(schema).iter_errors(answer.json()), key=str)
        assert not problems, f"{operation}: " + "\n".join(f"{p.json_path}: {p.message}" for p in problems)

    def _validator(self, schema: Mapping[str, Any]) -> Draft202012Validator:
        whole = {**schema, "components": {"schemas": self._components}}
        return Draft202012Validator(whole, format_checker=FORMATS)


FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or ("T" in value and datetime.fromisoformat(value).tzinfo is not None)


def _shape(operation: str) -> str:
    return re.sub(r":\w+", ":", operation)


def _check_refusal(operation: str, answer: httpx.Response, allowed: set[str]) -> None:
    # 401, 403, 405 and 422 come from layers before the operation, which the description does not repeat everywhere.
    assert str(answer.status_code) in allowed | {"401", "403", "404", "409", "422"}, operation
    body = answer.json()
    assert set(body) & {"message", "error"}, body


def _strict(schema: Any, arrays: tuple[str, ...] = ()) -> Any:
    """OpenAPI 3.0 to JSON Schema: a property may be null, none may be unknown, arrays where they are in practice."""
    if not isinstance(schema, dict):
        return schema
    arrays = (*arrays, *schema.get("x-arrays-in-practice", ()))
    strict = {key: value for key, value in schema.items() if key not in ("properties", "nullable", "example")}
    if "items" in schema:
        strict["items"] = _strict(schema["items"])
    if "properties" in schema:
        strict["additionalProperties"] = False
        strict["properties"] = {
            name: _property(name, each, name in arrays, tuple(_below(name, arrays)))
            for name, each in schema["properties"].items()
        }
    return strict


def _property(name: str, schema: Any, is_array: bool, arrays: tuple[str, ...]) -> Any:
    strict = _strict(schema, arrays)
    if is_array:
        strict = {"type": "array", "items": strict}
    if name in ("access_level", "notification_level"):  # x-note: typed string, answered as a number
        strict = {"type": ["string", "integer"]}
    return {"anyOf": [strict, {"type": "null"}]}


def _below(name: str, arrays: tuple[str, ...]) -> Iterator[str]:
    return (path.partition(".")[2] for path in arrays if path.startswith(f"{name}."))
