"""The prefix of commands: in every sentence of ours, and in nobody else's."""

import ast
import re
from pathlib import Path

import pytest

from bot.slack import words
from bot.slack.spelling import PLAIN, Spelling
from commands import COMMANDS

ROOT = Path(__file__).parents[2]
NAMES = [command.name for command in COMMANDS]
SM = Spelling("sm-", NAMES)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("`/train main v1.0.0` starts one", "`/sm-train main v1.0.0` starts one"),
        ("`/locations` and `/locations stop rack-1`", "`/sm-locations` and `/sm-locations stop rack-1`"),
        ("`/train-help`", "`/sm-train-help`"),
        (words.code("/build-image main"), "`/sm-build-image main`"),
    ],
)
def test_a_command_in_a_sentence_of_ours_gets_it(said, shown):
    assert SM.text(said) == shown
    assert PLAIN.text(said) == said


@pytest.mark.parametrize(
    "text",
    [
        "the file `/train/data.csv`",
        "`/trains`",
        "`/training` and `/train-all`",
        "and/or /train",
        "https://gitlab.example.com/runs",
        words.fence(["/train main v1.0.0", "`/train main`", "see `/runs`"]),
        "`/unknown`",
    ],
)
def test_everything_else_is_left_as_it_is(text):
    assert SM.text(text) == text


def test_a_name_gets_it_whether_or_not_it_has_a_slash():
    assert SM.name("/train") == SM.name("train") == "/sm-train"
    assert PLAIN.name("/train") == "/train"


def test_in_blocks_only_what_people_read_is_changed():
    button = {"type": "button", "text": {"type": "plain_text", "text": "`/runs`"}, "value": "`/runs`"}
    view = {"private_metadata": "`/runs`", "blocks": [{"type": "actions", "elements": [button]}, {"text": "`/runs`"}]}
    changed = SM.blocks(view)
    assert changed["private_metadata"] == "`/runs`"
    assert changed["blocks"][0]["elements"][0] == button | {"text": {"type": "plain_text", "text": "`/sm-runs`"}}
    assert changed["blocks"][1] == {"text": "`/sm-runs`"}
    assert PLAIN.blocks(view) is view


def texts():
    """Every literal that people could read, with where it is; docstrings and the sandbox are not among them."""
    for path in sorted([*(ROOT / "bot").rglob("*.py"), *(ROOT / "commands").rglob("*.py")]):
        if path.is_relative_to(ROOT / "bot" / "sandbox"):
            continue
        tree = ast.parse(path.read_text())
        loose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in loose:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


def test_every_sentence_names_a_command_right_behind_a_back_quote():
    """So that the prefix reaches it. A command at the very beginning is one on its way into back quotes."""
    named = re.compile(rf"(?<![\w`/.<>-])(?:{'|'.join(NAMES)})(?![\w/-])")
    wrong = {where: text for where, text in texts() if any(found.start() > 0 for found in named.finditer(text))}
    assert wrong == {}
