"""A demo whose commands have a prefix: the page offers them, the bot is told of it, and the next start remembers."""

import pytest

from bot.errors import UserError
from bot.sandbox import prefix
from bot.sandbox.addresses import Addresses
from bot.sandbox.fresh import start_over
from bot.sandbox.transcript import Transcript
from bot.sandbox.world import environment


def names(home):
    return [command.name for command in prefix.typed(home)]


def test_without_one_the_commands_have_their_own_names(tmp_path):
    assert "/train" in names(tmp_path)
    assert environment(tmp_path, Addresses(1, 2, 3))["COMMAND_PREFIX"] == ""


def test_with_one_the_page_and_the_bot_have_it_until_somebody_starts_over(tmp_path):
    prefix.remember(tmp_path, "sm-")
    prefix.remember(tmp_path, None)
    assert "/sm-train" in names(tmp_path)
    assert environment(tmp_path, Addresses(1, 2, 3))["COMMAND_PREFIX"] == "sm-"
    start_over(tmp_path, lambda _sentence: None)
    assert "/train" in names(tmp_path)


def test_it_can_be_taken_away_again(tmp_path):
    prefix.remember(tmp_path, "sm-")
    prefix.remember(tmp_path, "")
    assert "/train" in names(tmp_path)


def test_one_that_slack_would_not_take_is_refused(tmp_path):
    with pytest.raises(UserError, match="--prefix '/sm '"):
        prefix.remember(tmp_path, "/sm ")


@pytest.mark.parametrize(
    ("typed", "tag"),
    [("/train main v1", "v1"), ("/sm-train main v1", "v1"), ("/sm-train-help", None), ("/runs a b", None)],
)
def test_a_training_is_known_by_any_prefix(typed, tag):
    assert Transcript(typed, me="U1", names={}).tag == tag
