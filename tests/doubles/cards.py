"""What a person reads of a message that is drawn in blocks."""

import json

from bot.slack.card import card
from tests.doubles.payloads import wrong_with_message
from tests.doubles.runs import START


def shown(message):
    """What a person reads, without the markup's wrapping."""
    assert wrong_with_message(message.text, message.blocks) == []
    assert len(json.dumps(message.blocks)) < 10_000
    texts = []
    for block in message.blocks:
        texts += [block["text"]["text"]] if "text" in block else []
        texts += [
            each["text"] if isinstance(each["text"], str) else each["text"]["text"]
            for each in block.get("elements", ())
        ]
    return "\n".join(texts)


def a_card(run, **more):
    return card(run, now=more.pop("now", START + 100), who="alice", **more)
