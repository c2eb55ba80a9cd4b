"""YAML and JSON files of a project, read as DVC reads them."""

from __future__ import annotations

import json
from typing import Any


class DocumentError(Exception):
    """The bytes are no such document; the message says what is wrong with them."""


def load(path: str, content: bytes) -> Any:
    """The values in a file: JSON by its name, YAML otherwise.

    Raises:
        DocumentError: it cannot be read.
    """
    return _json(content) if path.endswith(".json") else _yaml(content)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise DocumentError(str(error)) from error


def _yaml(content: bytes) -> Any:
    from ruamel.yaml import YAML  # noqa: PLC0415 - takes 30 ms; graph is imported by those who may not read
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    try:
        return YAML(typ="safe").load(content.decode("utf-8"))
    except (YAMLError, UnicodeDecodeError, ValueError) as error:
        raise DocumentError(str(getattr(error, "problem", None) or error)) from error
