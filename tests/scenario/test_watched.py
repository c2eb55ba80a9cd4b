"""A push to a watched branch: tested on little data, with its status beside the commit on GitLab."""

import json

import pytest

from bot.sandbox.slack.people import TRAINING
from tests.scenario import webhook
from tests.scenario.waiting import PATIENCE, until
from tests.scenario.webhook import rings, seen
from tests.scenario.world import MACHINES

FAILED, PASSED = "release/broken", "release/1"
READING = (
    "from ruamel.yaml import YAML\ntrain = YAML(typ='safe').load(pathlib.Path('params.yaml').read_text())['train']"
)
OLD = 'train = json.loads(pathlib.Path("params.json").read_text())["train"]'


@pytest.fixture(scope="module")
def bot(world, tmp_path_factory):
    table = tmp_path_factory.mktemp("settings") / "stationmaster.toml"
    table.write_text(f'[locations.tests]\nshared = true\ninstance = "{MACHINES["bob"]}"\nsmoke = true\n')
    settings = {
        **webhook.SETTINGS,
        "STATIONMASTER_CONFIG": str(table),
        "SLACK_FALLBACK_CHANNEL": TRAINING.id,
        "WATCH_BRANCHES": "release/*",
        "TRAIN_INSTANCE_FOR_USER": json.dumps({"alice@example.com": MACHINES["alice"]}),
    }
    for name in (PASSED, FAILED):
        world.project.branch(name)
    with world.serving(**settings) as bot:
        yield bot


def changes(world, branch, *, breaks=False):
    """Files of a project whose parameters are in params.yaml, with little ones for a test."""
    train = json.loads(world.show(branch, "params.json"))["train"]
    script = world.show(branch, "src/train.py").replace(OLD, READING)
    return {
        "src/train.py": script + ("\nraise SystemExit(3)\n" if breaks else ""),
        "dvc.yaml": world.show(branch, "dvc.yaml").replace(
            "      - params.json:\n          - train\n", "      - train\n"
        ),
        "params.yaml": json.dumps({"train": {**train, "epochs": 2}, "smoke": {"train": {"epochs": 1}}}),
    }


def status(world, branch):
    """What GitLab shows beside the branch's newest commit; None before there is anything."""
    shown = world.api(f"repository/commits/{world.commit_of(branch).sha}/statuses")
    return shown[0] if shown else None


@pytest.fixture(scope="module")
def shown(world, bot):
    until(lambda: all(seen(world, branch) for branch in (PASSED, FAILED)), "the bot has seen where the branches stand")
    for branch, breaks in ((PASSED, False), (FAILED, True)):
        world.project.change(branch, changes(world, branch, breaks=breaks))
        at = world.commit_of(branch).sha
        until(lambda at=at, branch=branch: rings(bot) == 202 and seen(world, branch) == at, "the bot has seen the push")

    def over():
        found = [status(world, branch) for branch in (PASSED, FAILED)]
        return found if all(each and each["status"] in ("success", "failed") for each in found) else None

    return until(over, "both were tested", 4 * PATIENCE, context=lambda: bot.said[-3_000:])


def test_gitlab_shows_beside_each_commit_whether_it_survived(shown):
    passed, failed = shown
    assert (passed["status"], failed["status"]) == ("success", "failed")
    assert failed["description"] == "The smoke test failed in the stage train"
    assert passed["name"] == "stationmaster: smoke test"


def test_the_status_links_the_thread_that_says_which_push_it_was(world, shown):
    (thread,) = [each for each in world.threads() if f"smoke test of {FAILED}" in each.headline]
    assert shown[1]["target_url"].endswith(f"/{TRAINING.id}/p{thread.card.ts.replace('.', '')}")
    assert "of which each push is tested" in thread.text


def test_nothing_is_released(world, shown):
    assert world.releases() == {}
    assert world.tags() == set()
