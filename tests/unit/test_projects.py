"""Several projects in one bot: each with its channels, GitLab, bucket and secrets; the machines are everybody's."""

from dataclasses import replace

import pytest

from bot.assembly import project_of
from bot.doctor import _checks
from bot.engine.bell import Bell
from bot.engine.worker import Worker
from bot.engine.world import Doors, Project
from bot.errors import SettingsError
from bot.runs.model import Phase, Reason
from bot.settings import all_projects, load
from bot.step_secrets import step_secrets
from commands import COMMANDS
from commands.desk import Call
from tests.doubles.doors import FakeCodeHost, FakePublicFiles
from tests.doubles.station import Station
from tests.unit.test_commands import Office

FRUITS, NUTS = "team/fruits", "team/nuts"
NUTS_CHANNEL = "C0NUTS"


class TwoProjects(Station):
    """The project of `Station`, and another one."""

    def __init__(self, folder, *names):
        self.nuts = FakeCodeHost()
        self.nuts_public = FakePublicFiles()
        super().__init__(folder, *names)

    def boot(self, *, known=(FRUITS, NUTS)):
        super().boot()
        doors = {
            FRUITS: Doors(self.world.project, self.code, self.public, self.world.secrets),
            NUTS: Doors(
                Project(NUTS, "http://gitlab.test/team/nuts.git", remote="nuts", release_outs=("shells",)),
                self.nuts,
                self.nuts_public,
                lambda step, _location: {"git": {"username": "x", "token": f"nuts-{step}"}},
            ),
            "team/third": Doors(self.world.project, self.code, self.public, self.world.secrets),
        }
        self.world = replace(self.world, others={path: doors[path] for path in (*known, "team/third")})
        self.worker = Worker(self.world, bell=Bell(), said=lambda: None)

    def train_nuts(self, tag="v1.0.0", user="UBOB"):
        return self.store.requests.add(
            delivery=f"nuts-{tag}", user=user, channel=NUTS_CHANNEL, branch="main", tag=tag, project=NUTS
        )


@pytest.fixture
def station(tmp_path):
    return TwoProjects(tmp_path)


def test_two_projects_release_the_same_tag_side_by_side(station):
    station.nuts.heads["main"] = "d" * 40
    station.train()
    station.train_nuts()
    for step in ("prepare", "repro", "publish"):
        for number in (1, 2):
            station.until_step(step, number).play(step)
    runs = [station.until_phase(Phase.RELEASED, number) for number in (1, 2)]
    assert [(run.project, run.tag, run.commit) for run in runs] == [
        (FRUITS, "v1.0.0", "a" * 40),
        (NUTS, "v1.0.0", "d" * 40),
    ]
    assert list(station.code.releases) == list(station.nuts.releases) == ["v1.0.0"]
    assert {key.rpartition("/v1.0.0/")[0] for key in station.public.files} == {FRUITS}
    assert {key.rpartition("/v1.0.0/")[0] for key in station.nuts_public.files} == {NUTS}


def test_each_steps_order_and_secrets_are_those_of_its_project(station):
    station.train()
    station.train_nuts()
    for number, path, token in ((1, FRUITS, "canary-prepare"), (2, NUTS, "nuts-prepare")):
        (job,) = station.until_step("prepare", number).jobs.values()
        assert job.spec["project"] == path
        assert job.spec["git_url"].endswith(f"/{path}.git")
        assert job.secrets["git"]["token"] == token
    assert (job.spec["remote"], job.spec["release_outs"]) == ("nuts", ["shells"])


def test_one_machine_serves_both_one_after_the_other(tmp_path):
    station = TwoProjects(tmp_path, "alice")
    station.train()
    station.tick()
    station.train_nuts(user="UALICE")
    assert station.train_to_release(1).project == FRUITS
    assert station.train_to_release(2).project == NUTS
    assert station.machines["alice"].most_at_once == 1


def test_a_tag_that_is_taken_in_one_project_is_free_in_the_other(station):
    station.code.tags_made["v1.0.0"] = "e" * 40
    station.train()
    station.train_nuts()
    station.tick()
    assert [run.project for run in station.store.runs()] == [NUTS]
    assert "the tag `v1.0.0` exists already" in station.said(None)[0]["text"]


def test_a_command_for_a_project_that_was_taken_out_starts_nothing(station):
    station.train_nuts()
    station.boot(known=(FRUITS,))
    station.tick()
    assert station.store.runs() == []
    assert "`team/nuts` is not in the settings any more" in station.said(None)[0]["text"]


@pytest.mark.parametrize("step", ["prepare", "repro"])
def test_a_run_whose_project_was_taken_out_ends_with_its_reason_and_asks_no_other_project(station, step):
    station.train_nuts()
    for earlier in ("prepare", "repro")[: ("prepare", "repro").index(step)]:
        station.until_step(earlier).play(earlier)
    station.until_step(step)
    station.boot(known=(FRUITS,))
    station.until(lambda: not station.run().holds)
    run = station.run()
    assert (run.phase, run.reason) == (Phase.FAILED, Reason.PROJECT_REMOVED)
    assert len(station.said(kind="terminal")) == 1
    assert station.code.releases == {}
    assert not station.machines["bob"].running()


def test_a_push_that_has_begun_is_heard_to_its_end_and_released_nowhere_else(station):
    station.train_nuts()
    for step in ("prepare", "repro"):
        station.until_step(step).play(step)
    machine = station.until_step("publish")
    machine.decide(f"{machine.workdir}/runs/{station.run().uid}", "push")
    station.boot(known=(FRUITS,))
    station.tick(5)
    assert station.run().phase is Phase.PUBLISHING
    machine.play("publish")
    station.until(lambda: station.run().phase.ended)
    assert station.run().reason is Reason.PROJECT_REMOVED
    assert station.code.releases == {}


def test_a_bot_with_one_project_takes_every_run_for_its_own(tmp_path):
    station = Station(tmp_path)
    assert station.world.knows("team/renamed")
    assert station.world.of("team/renamed") is station.world


# In Slack


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def types(office, channel, line):
    """As the listeners do it."""
    name, _, text = line.partition(" ")
    (command,) = (each for each in COMMANDS if each.name == name)
    desk = replace(office.desk, project_of=lambda where: NUTS if where == NUTS_CHANNEL else FRUITS).at(channel)
    reply = command.handle(Call("UALICE", channel, text, f"{channel}-{line}"), desk)
    return "" if reply is None else "\n".join([reply.text, *(str(block) for block in reply.blocks)])


def runs_in_both(office):
    for channel in ("C1", NUTS_CHANNEL):
        assert types(office, channel, "/train main v1.0.0") == ""
        request = office.store.requests.claim()
        office.store.requests.accept(
            request, project=request.project, commit="c" * 40, email="alice@example.com", location="rack-1"
        )


def test_a_channels_commands_are_about_its_project(office):
    runs_in_both(office)
    assert [run.project for run in office.store.runs()] == [NUTS, FRUITS]
    assert "*1* " in types(office, "C1", "/runs")
    assert "*2* " not in types(office, "C1", "/runs")
    assert "*2* " in types(office, NUTS_CHANNEL, "/runs")
    assert "Only of `team/nuts`: `/runs all-projects` shows all." in types(office, NUTS_CHANNEL, "/runs")
    assert "Cancelling run 2" in types(office, NUTS_CHANNEL, "/cancel v1.0.0")
    assert office.store.run(2).cancelled_by == "UALICE"
    assert office.store.run(1).cancelled_by is None


def test_all_projects_can_be_seen_from_each_channel(office):
    runs_in_both(office)
    said = types(office, "C1", "/runs all-projects")
    assert "Runs that are going on in all projects" in said
    assert "*1* " in said
    assert "*2* " in said
    assert "`team/nuts`" in said


def test_the_same_tag_is_this_run_only_in_its_own_channel(office):
    runs_in_both(office)
    assert "That is this run already" in types(office, "C1", "/train main v1.0.0")
    assert "*1* " in types(office, "C1", "/train main v1.0.0")
    assert "*2* " in types(office, NUTS_CHANNEL, "/train main v1.0.0")


# Settings

NEEDED = {
    "SLACK_BOT_TOKEN": "xoxb-canary",
    "SLACK_APP_TOKEN": "xapp-canary",
    "GITLAB_PROJECT": FRUITS,
    "GITLAB_TOKEN": "canary",
    "GITLAB_READ_TOKEN": "canary-read",
    "PUBLIC_BUCKET": "public",
    "PUBLIC_PREFIX": "models",
    "DVC_REMOTE": "storage",
    "RELEASE_OUTS": "model.onnx",
    "IMAGE_REGISTRY": "registry.example.com/ml",
}


@pytest.fixture
def settings(monkeypatch, tmp_path):
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)

    def read(*tables):
        path = tmp_path / "station.toml"
        path.write_text("\n".join(tables))
        monkeypatch.setenv("STATIONMASTER_CONFIG", str(path))
        return load()

    return read


NUTS_TABLE = f'[projects.nuts]\ngitlab_project = "{NUTS}"\nchannels = ["{NUTS_CHANNEL}"]\n'
MORE_TABLE = NUTS_TABLE.replace("nuts]", "more]").replace(NUTS, "team/more")


def test_a_project_is_as_the_top_level_says_but_for_what_is_its_own(settings):
    found = all_projects(settings(NUTS_TABLE))
    assert list(found) == [FRUITS, NUTS]
    assert found[FRUITS].dvc_remote == "storage"
    nuts = found[NUTS]
    assert (nuts.public_bucket, nuts.public_prefix) == ("public", "models")
    assert nuts.image_registry == "registry.example.com/ml"
    assert (nuts.dvc_remote, nuts.release_outs) == (None, ())
    assert step_secrets(nuts, {})("prepare", "x")["git"]["token"] == "canary-read"


def test_what_a_project_says_itself_counts_and_brings_nothing_of_the_others(settings):
    own = 'gitlab_token = "canary-nuts"\npublic_bucket = "nuts"\ndvc_remote = "far"\nrelease_outs = ["a", "b"]\n'
    read = settings(NUTS_TABLE + own)
    nuts = all_projects(read)[NUTS]
    assert (nuts.public_bucket, nuts.public_prefix) == ("nuts", "")
    assert (nuts.dvc_remote, nuts.release_outs) == ("far", ("a", "b"))
    secrets = step_secrets(nuts, {})
    assert {secrets(step, "x")["git"]["token"] for step in ("prepare", "publish")} == {"canary-nuts"}
    assert "canary" not in repr(read)


def test_a_channel_is_its_projects_and_every_other_the_top_level_ones(settings):
    of = project_of(settings(NUTS_TABLE))
    assert (of(NUTS_CHANNEL), of("C0OTHER"), of("")) == (NUTS, FRUITS, FRUITS)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (NUTS_TABLE.replace(NUTS, FRUITS), "the project team/fruits is named twice"),
        (NUTS_TABLE + MORE_TABLE, "the channel C0NUTS is named twice"),
        (NUTS_TABLE.replace(f'"{NUTS_CHANNEL}"', ""), "projects.nuts.channels"),
        (NUTS_TABLE.replace(NUTS_CHANNEL, "#nuts"), "projects.nuts.channels.0"),
        (NUTS_TABLE + 'image_registry = "group"\n', "projects.nuts.image_registry: it needs a host"),
        (NUTS_TABLE + "bucket = 1\n", "projects.nuts.bucket"),
    ],
)
def test_a_wrong_table_is_named_with_what_is_wrong(settings, table, sentence):
    with pytest.raises(SettingsError) as error:
        settings(table)
    assert sentence in str(error.value)


def test_doctor_looks_at_each_project(settings):
    names = [name for name, _check in _checks(settings(NUTS_TABLE))]
    for what in ("GitLab token", "GitLab project", "Public bucket"):
        assert [name for name in names if name.startswith(what)] == [f"{what} of {FRUITS}", f"{what} of {NUTS}"]
    assert "GitLab token" in [name for name, _check in _checks(settings())]
