"""Whether Slack would take a payload: by slack_sdk's own validation, and by the limits that it leaves out."""

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.sandbox.slack.limits import check_message, check_view


def wrong_with_message(text, blocks):
    """What is wrong with it, in words; empty for nothing. slack_sdk raises what it dislikes."""
    blocks = [dict(block) for block in blocks]
    parsed = Block.parse_all(blocks)
    assert [block.to_dict()["type"] for block in parsed] == [block["type"] for block in blocks]
    return check_message(text, blocks)


def wrong_with_view(view):
    """The same for a modal or a home tab."""
    parsed = View(**view)
    assert [block["type"] for block in parsed.to_dict()["blocks"]] == [block["type"] for block in view["blocks"]]
    return check_view(dict(view))
