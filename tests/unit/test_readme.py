"""The README names what there is."""

import re
from pathlib import Path

from bot.settings import Settings
from commands import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_every_setting_is_named():
    named = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", README))
    assert {name.upper() for name in Settings.model_fields} <= named


def test_every_command_is_named():
    assert all(f"`{command.name}" in README for command in COMMANDS)


def test_every_link_into_the_tree_leads_somewhere():
    texts = [README, (ROOT / "CONTRIBUTING.md").read_text()]
    links = [link for text in texts for link in re.findall(r"\]\((?!http)([^)#]+)\)", text)]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
