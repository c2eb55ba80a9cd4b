"""Whom a message notifies. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

_PING = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>|<(!(?:channel|here|everyone|subteam\^[A-Z0-9]+))(?:\|[^>]*)?>")


def pings(text: str, blocks: Sequence[dict[str, Any]] | None, *, mrkdwn: bool = True) -> tuple[str, ...]:
    """User ids and `!channel`-like groups that Slack notifies, each once, in order of appearance.

    With blocks the text is only the notification's wording, so the blocks alone count. Escaped text
    (`&lt;@U...`) and plain_text objects notify nobody.
    """
    texts = _texts_of(list(blocks)) if blocks else iter([text] if mrkdwn else [])
    found = [group or "" for each in texts for match in _PING.finditer(each) for group in match.groups()]
    return tuple(dict.fromkeys(name for name in found if name))


def _texts_of(value: Any) -> Iterator[str]:
    """Every mrkdwn text below `value`; the mentions of rich text are written as mrkdwn would."""
    if isinstance(value, list):
        for each in value:
            yield from _texts_of(each)
        return
    if not isinstance(value, dict):
        return
    kind = value.get("type")
    if kind in ("mrkdwn", "markdown"):
        yield str(value.get("text", ""))
    elif kind == "user":
        yield f"<@{value.get('user_id')}>"
    elif kind == "broadcast":
        yield f"<!{value.get('range')}>"
    for each in value.values():
        if isinstance(each, (dict, list)):
            yield from _texts_of(each)
