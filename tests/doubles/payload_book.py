"""A pytest plugin (`-p tests.doubles.payload_book`): writes down every payload that the stand-in's rules let pass.

One of each shape is kept, as lines of JSON in the file that PAYLOAD_BOOK names: ["Message" | "View" | "Options", it].
It is a plugin so that it stands in front of the rules before any test imports them.
"""

import functools
import json
import os
from pathlib import Path

from bot.sandbox.slack import limits

kept = {}


def _shape(part):
    """What is left of it without its texts; words such as those of `type` and `style` stay."""
    if isinstance(part, dict):
        return {name: _shape(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return sorted({json.dumps(_shape(each), sort_keys=True) for each in part})
    if isinstance(part, str):
        return part if part.isascii() and part.replace("_", "").islower() and len(part) < 30 else "text"
    return type(part).__name__


def _noting(rule, described):
    @functools.wraps(rule)
    def check(*given, **named):
        breaches = rule(*given, **named)
        if not breaches:
            kind, payload = described(*given, **named)
            kept.setdefault(kind + json.dumps(_shape(payload), sort_keys=True), json.dumps([kind, payload]))
        return breaches

    return check


def _message(_text, blocks=None, attachments=None, _metadata=None, **_more):
    return "Message", {"blocks": blocks, "attachments": attachments}


limits.check_message = _noting(limits.check_message, _message)
limits.check_view = _noting(limits.check_view, lambda view, _kind=None: ("View", view))
limits.check_options = _noting(limits.check_options, lambda answer: ("Options", answer))


def pytest_sessionfinish():
    Path(os.environ["PAYLOAD_BOOK"]).write_text("\n".join(kept.values()))
