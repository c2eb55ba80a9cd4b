"""What a person reads is true: every setting, every command and every reason is described."""

import re
from pathlib import Path

import pytest

from bot.location_settings import LocationSettings
from bot.project_settings import ProjectSettings
from bot.runs.model import SENTENCES, Phase, Reason, legal
from bot.settings import Settings
from commands import COMMANDS

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "OPERATIONS.md").read_text()
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name):
    assert f"`{name.upper()}`" in OPERATIONS


@pytest.mark.parametrize("name", LocationSettings.model_fields)
def test_every_setting_of_a_location_is_in_the_example(name):
    assert re.search(rf"^{name} = |\b{name} = ", OPERATIONS, flags=re.MULTILINE)


@pytest.mark.parametrize("name", ProjectSettings.model_fields)
def test_every_setting_of_a_project_is_in_the_example(name):
    assert re.search(rf"^{name} = ", OPERATIONS.partition("[projects.")[2], flags=re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_is_in_the_readme(command):
    assert f"`{command.name}" in README


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence_for_people(reason):
    assert SENTENCES[reason].endswith(".")


@pytest.mark.parametrize("path", [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"], ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(path):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", path.read_text()):
        assert (path.parent / target).exists(), f"{path.name} links {target}"


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_every_file_that_a_document_names_exists(path):
    for name in re.findall(r"`((?:bot|trainer|commands|tests)/[\w/]+\.py)`", path.read_text()):
        assert (ROOT / name).exists(), f"{path.name} names {name}"


def test_an_ended_run_moves_no_more():
    for end in (Phase.RELEASED, Phase.FAILED, Phase.CANCELLED):
        assert not any(legal(end, phase) for phase in Phase)


def test_a_run_goes_forward_one_phase_at_a_time():
    assert legal(Phase.QUEUED, Phase.STARTING)
    assert not legal(Phase.QUEUED, Phase.TRAINING)
    assert not legal(Phase.TRAINING, Phase.PREPARING)
