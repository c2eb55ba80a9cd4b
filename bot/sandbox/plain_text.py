"""Slack's mrkdwn and blocks as text for a terminal. Pure.

What is only decoration goes (stars, dividers, buttons without an address); what says something stays: link addresses,
code, lists, names of people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]
Names = Mapping[str, str]
"""Ids of people and channels -> how a person would write them (`@alice`, `#training`)."""

_CONTROL = re.compile(r"<([^<>\n]+)>")
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_PUT_ASIDE = re.compile("\0([0-9]+)\0")
_EMPHASIS = re.compile(r"(?<![\w*_~])([*_~])(?=\S)([^*_~\n]+?)(?<=\S)\1(?![\w*_~])")
_SHORT_CODE = re.compile(r"(?<!\w):(?:[+-]1|[a-z][a-z0-9_+-]*):(?::skin-tone-\d:)? ?")


def message_text(message: Json, names: Names) -> str:
    """A message as lines of text: its blocks, else its text; then its attachments and the names of its files.

    Empty lines are left out.
    """
    lines = list(_blocks(message.get("blocks") or [], names)) or [mrkdwn(str(message.get("text") or ""), names)]
    for attachment in message.get("attachments") or []:
        lines += [mrkdwn(str(attachment.get("text") or attachment.get("fallback") or ""), names)]
        lines += _blocks(attachment.get("blocks") or [], names)
    lines += [f"[file: {file.get('title') or file['name']}]" for file in message.get("files") or []]
    return "\n".join(line for text in lines for line in text.splitlines() if line.strip())


def mrkdwn(text: str, names: Names) -> str:
    """One mrkdwn text. Code is taken as it stands (a block of it on lines of its own), all else loses its markup."""
    codes: list[str] = []

    def put_aside(match: re.Match[str]) -> str:
        codes.append(_code(match[0]))
        return f"\0{len(codes) - 1}\0"

    prose = _prose(_CODE.sub(put_aside, text.replace("\0", "")), names)
    return _PUT_ASIDE.sub(lambda match: codes[int(match[1])], prose).strip("\n")


def indented(text: str, by: str) -> str:
    """Every line of `text` after `by`."""
    return "\n".join(f"{by}{line}".rstrip() for line in text.splitlines())


def _blocks(blocks: Iterable[Json], names: Names) -> Iterator[str]:
    for block in blocks:
        draw = _DRAWN.get(str(block.get("type")))
        if draw is not None:
            yield from draw(block, names)


def _section(block: Json, names: Names) -> Iterator[str]:
    if block.get("text"):
        yield _object(block["text"], names)
    for field in block.get("fields") or []:
        yield ": ".join(_object(field, names).replace(":\n", "\n").split("\n", 1))


def _header(block: Json, names: Names) -> Iterator[str]:
    yield _object(block["text"], names)


def _context(block: Json, names: Names) -> Iterator[str]:
    parts = (_object(item, names) for item in block.get("elements") or [] if item.get("type") != "image")
    yield "  ".join(part for part in parts if part)


def _actions(block: Json, names: Names) -> Iterator[str]:
    for item in block.get("elements") or []:
        if item.get("url"):
            yield f"{_object(item['text'], names)}: {item['url']}"


def _image(block: Json, _names: Names) -> Iterator[str]:
    url = block.get("image_url") or (block.get("slack_file") or {}).get("url") or ""
    yield f"[picture: {block.get('alt_text') or 'no description'}] {url}".rstrip()


def _markdown(block: Json, names: Names) -> Iterator[str]:
    yield mrkdwn(str(block.get("text") or ""), names)


def _rich_text(block: Json, names: Names) -> Iterator[str]:
    for part in block.get("elements") or []:
        items = part.get("elements") or []
        if part.get("type") == "rich_text_list":
            yield from (f"- {''.join(_rich(each, names) for each in item.get('elements') or [])}" for item in items)
        else:
            yield "".join(_rich(item, names) for item in items)


def _rich(item: Json, names: Names) -> str:
    kind = item.get("type")
    if kind == "link":
        return _link(str(item.get("url")), str(item.get("text") or ""))
    if kind in ("user", "channel"):
        return _name(str(item.get(f"{kind}_id")), names)
    return str(item.get("text") or item.get("fallback") or "")


_DRAWN = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "markdown": _markdown,
    "rich_text": _rich_text,
}


def _object(item: Json, names: Names) -> str:
    text = str(item.get("text") or "")
    return _decoded(_SHORT_CODE.sub("", text)) if item.get("type") == "plain_text" else mrkdwn(text, names)


def _prose(text: str, names: Names) -> str:
    text = _SHORT_CODE.sub("", text)
    text = _EMPHASIS.sub(r"\2", text)
    return _decoded(_CONTROL.sub(lambda match: _control(match[1], names), text))


def _code(text: str) -> str:
    if not text.startswith("```"):
        return _decoded(text)
    return "\n" + indented(_decoded(text[3:-3].strip("\n")), "    ") + "\n"


def _control(token: str, names: Names) -> str:
    head, _, label = token.partition("|")
    if head.startswith(("@", "#")):
        return _name(head[1:], names, label)
    if head.startswith("!date^"):
        return label
    if head.startswith("!"):
        return label or f"@{head[1:]}"
    return _link(head, label)


def _name(identity: str, names: Names, label: str = "") -> str:
    return names.get(identity) or label or identity


def _link(url: str, label: str) -> str:
    url = url.removeprefix("mailto:")
    return f"{label} ({url})" if label and label != url else url


def _decoded(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace("\u200b", "")
