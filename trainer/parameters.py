"""params.yaml with other values in it: what `--set` and a smoke test change, checked against what is there. Pure.

The bot imports this module to refuse what cannot be set before any machine starts, and the trainer to set it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

FILE = "params.yaml"
SMOKE = "smoke"
"""The section with a smoke test's own values, nested as the parameters themselves are."""
GATES = "gates"
"""The section with what a result must hold to (trainer/definition/gates.py): no parameter of any stage."""
LARGEST = 1_000_000
"""Bytes of a file that is read."""

_KINDS: Mapping[type, str] = {
    bool: "`true` or `false`",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list, such as `[1, 2]`",
}


class ParameterError(Exception):
    """The parameters cannot be changed so; the message is a sentence for a person and says what to do."""


def changed(content: bytes | None, values: Mapping[str, str], *, smoke: bool = False) -> bytes:
    """The file `content` with `values` (`train.epochs` -> the text typed for it), its comments kept.

    `smoke` puts the values of the section `smoke:` in place first. Each value keeps the type that is there.

    Raises:
        ParameterError: there is no such file, section or parameter, or a value is of another type.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 - takes 30 ms; most runs change nothing
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    if content is None:
        raise ParameterError(f"The branch has no {FILE} at its top, so there are no parameters to change.")
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    try:
        document = yaml.load(content[:LARGEST].decode("utf-8"))
    except (YAMLError, ValueError) as error:
        raise ParameterError(f"{FILE} cannot be read: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(document, dict):
        raise ParameterError(f"{FILE} holds no parameters.")
    for name, value in _smoke_values(document) if smoke else ():
        _put(document, name, value, f"`{SMOKE}:` in {FILE}: ")
    for name, text in values.items():
        if name.split(".")[0] == GATES:
            raise ParameterError(
                f"`{name}` is no parameter of a run: change gates on the default branch, and push that."
            )
        _put(document, name, _read(text, _dig(document, name)), "")
    written = StringIO()
    yaml.dump(document, written)
    return written.getvalue().encode()


def names(document: Mapping[str, Any]) -> list[str]:
    """Every parameter with its dotted name, without those of the smoke test and without the gates."""
    return [name for name, _ in _flat(document) if name.split(".")[0] not in (SMOKE, GATES)]


def _smoke_values(document: Mapping[str, Any]) -> list[tuple[str, Any]]:
    section = document.get(SMOKE)
    if not isinstance(section, dict) or not section:
        raise ParameterError(
            f"{FILE} has no section `{SMOKE}:`, which says what is smaller in a smoke test. "
            f"Add one, for example `{SMOKE}: {{train: {{epochs: 1}}}}`, and push it."
        )
    return list(_flat(section))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _put(document: dict[str, Any], name: str, value: Any, where: str) -> None:
    *above, last = name.split(".")
    at: Any = document
    for part in above:
        at = at.get(part) if isinstance(at, dict) else None
    if not isinstance(at, dict) or last not in at:
        raise ParameterError(f"{where}There is no parameter `{name}`. {_hint(document, name)}")
    at[last] = _fitting(name, value, at[last], where)


def _hint(document: Mapping[str, Any], name: str) -> str:
    known = names(document)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"Did you mean `{near[0]}`?"
    more = f" and {len(known) - 8} more" if len(known) > 8 else ""  # noqa: PLR2004 - as many as are shown
    return f"There is {', '.join(f'`{each}`' for each in known[:8])}{more}."


def _fitting(name: str, value: Any, old: Any, where: str) -> Any:
    """The value with the type that the parameter has; a whole number is a number too."""
    if isinstance(old, dict):
        below = ", ".join(f"`{name}.{key}`" for key in list(old)[:8])
        raise ParameterError(f"{where}`{name}` is a group: name one of {below}.")
    if old is None:
        return value
    kind = next((kind for kind in _KINDS if isinstance(old, kind)), type(old))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        said = _KINDS.get(kind, "something else")
        raise ParameterError(f"{where}`{name}` takes {said} (now `{_short(old)}`), not `{_short(value)}`.")
    return value


def _read(text: str, old: Any) -> Any:
    """What was typed, as YAML reads it; for a text that is there, a text whatever it looks like."""
    from ruamel.yaml import YAML  # noqa: PLC0415
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    if isinstance(old, str):
        return text
    try:
        return YAML(typ="safe").load(text)
    except (YAMLError, ValueError):
        return text


def _dig(document: Any, name: str) -> Any:
    for part in name.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def _short(value: Any) -> str:
    shown = str(value).lower() if isinstance(value, bool) else " ".join(str(value).split())
    return shown if len(shown) <= 60 else f"{shown[:57]}..."  # noqa: PLR2004 - as cut
