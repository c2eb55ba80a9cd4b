"""Who and where people are in the local Slack, and the code with which it refuses a call."""

import pytest
from slack_sdk.errors import SlackApiError

CHANNEL, RANDOM = "C0TRAINING", "C000RANDOM"
ALICE, BOB, BOT = "U0000ALICE", "U000000BOB", "U0STATION0"


def refusal(call, **arguments):
    """The error code that Slack refuses a call with."""
    with pytest.raises(SlackApiError) as refused:
        call(**arguments)
    return refused.value.response["error"]
