"""Two projects and two channels: one bot and one machine make a release of the same tag in each."""

import httpx
import pytest

from tests.scenario.tiny_project import TinyProject
from tests.scenario.waiting import until
from tests.scenario.world import PROJECT, words_of
from trainer.places import slug

NUTS = "team/nuts"
TABLE = f'[projects.nuts]\ngitlab_project = "{NUTS}"\nchannels = ["C000RANDOM"]\npublic_prefix = "nuts"\n'


@pytest.fixture(scope="module")
def bot(world):
    made = world.gitlab.create_project(NUTS)
    TinyProject(
        world.home / "nuts",
        git_url=made.git_url,
        token="sandbox-alices-token",
        s3=world._s3(),
        bucket=world.aws.data_bucket,
    ).make()
    config = world.home / "station.toml"
    config.write_text(TABLE)
    world.slack.type("alice", "/invite @Stationmaster", "#random")
    with world.serving(STATIONMASTER_CONFIG=str(config)) as bot:
        yield bot


def releases(world, project):
    address = f"{world.gitlab.url}/api/v4/projects/{project.replace('/', '%2F')}/releases"
    answer = httpx.get(address, headers={"PRIVATE-TOKEN": "sandbox-alices-token"}, trust_env=False)
    return {each["tag_name"]: each for each in answer.raise_for_status().json()}


def test_each_channel_trains_its_project_on_the_same_machine(world, bot):
    assert world.types("alice", "/train main v1.0.0") == ""
    assert world.slack.type("alice", "/train main v1.0.0", "#random") == ""
    for project in (PROJECT, NUTS):
        until(lambda project=project: releases(world, project), f"{project} has a release", context=lambda: bot.said)
        assert list(releases(world, project)) == ["v1.0.0"]
    (link,) = releases(world, NUTS)["v1.0.0"]["assets"]["links"]
    assert f"/nuts/{NUTS}/v1.0.0/" in link["url"]
    status, pointer = world.public(link["url"])
    assert status == 200
    assert "outs:" in pointer
    (machine,) = world.bot_home.glob("locations/alice*")
    for project in (PROJECT, NUTS):
        assert (machine / slug(project) / "repo").is_dir()
    assert (machine / "dvc-cache").is_dir()


def test_each_channel_sees_its_own_runs(world, bot):
    assert "*2* " not in world.types("alice", "/runs all")
    world.slack.type("alice", "/runs all", "#random")
    assert "*1* " not in words_of(world.slack.ephemerals("alice")[-1])
    assert "*2* " in words_of(world.slack.ephemerals("alice")[-1])
    assert "`team/nuts`" in world.types("alice", "/runs all all-projects")
