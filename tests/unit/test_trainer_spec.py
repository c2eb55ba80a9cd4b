"""Specifications, orders and places: checked before anything happens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer import places, spec
from trainer.crashpoints import reach
from trainer.failure import FencedError, StepError
from trainer.job import fence, memory, order
from trainer.job.credentials import Secrets, take
from trainer.job.order import OrderError

GOOD = {
    "run": 42,
    "uid": "42-ab12",
    "fence": 3,
    "project": "team/fruits",
    "branch": "feature/mobilenet",
    "commit": "0" * 40,
    "tag": "v1.0.0",
    "workdir": "/srv/train",
    "run_dir": "/srv/train/runs/42-ab12",
    "git_url": "https://gitlab.example.com/team/fruits.git",
    "triggered_by": "alice@example.com",
}


def test_a_specification_is_read_and_what_is_not_known_is_kept():
    found = spec.parse({**GOOD, "colour": "green"})
    assert found.run == 42
    assert found.pointer_name == "train.dvc"
    assert found.rest == {"colour": "green"}


def test_what_was_asked_for_beside_branch_and_tag_is_read():
    found = spec.parse({**GOOD, "set": {"train.epochs": "3"}, "force": True, "retries": ["41-ab12"]})
    assert (found.set, found.force, found.retries) == ({"train.epochs": "3"}, True, ("41-ab12",))
    assert (spec.parse(GOOD).set, spec.parse(GOOD).force, spec.parse(GOOD).retries) == ({}, False, ())


def test_a_smoke_test_has_a_workspace_of_its_own_and_shares_everything_else():
    real, smoke = spec.parse(GOOD).places, spec.parse({**GOOD, "kind": "smoke"}).places
    assert real.repo != smoke.repo
    assert (real.home, real.mirror, real.fence, real.cache) == (smoke.home, smoke.mirror, smoke.fence, smoke.cache)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("commit", "main"),
        ("tag", "-rf"),
        ("tag", "v1..2"),
        ("tag", "v1.lock"),
        ("branch", "--upload-pack=evil"),
        ("branch", "a b"),
        ("branch", "a..b"),
        ("git_url", "https://user:sandbox@gitlab.example.com/x.git"),
        ("git_url", "ext::sh -c evil"),
        ("git_url", "--upload-pack=evil"),
        ("workdir", "relative"),
        ("pointer_name", "../evil.dvc"),
        ("author", "nobody"),
        ("triggered_by", "alice@example.com\nRun: 7"),
        ("run", "many"),
        ("set", "train.epochs=3"),
        ("retries", ["41-ab12", "../heads/main"]),
    ],
)
def test_a_field_that_cannot_be_used_is_refused(field, value):
    with pytest.raises(StepError) as caught:
        spec.parse({**GOOD, field: value})
    assert caught.value.cause == "internal"


@pytest.mark.parametrize("field", ["run", "commit", "tag", "branch", "git_url", "project"])
def test_a_field_that_is_missing_is_named(field):
    with pytest.raises(StepError, match=field):
        spec.parse({key: value for key, value in GOOD.items() if key != field})


def test_folders_of_projects_that_look_alike_differ():
    slugs = {places.slug(name) for name in ("a/b", "a-b", "a.b", "A/B")}
    assert len(slugs) == 4
    assert all(slug.startswith("a-b-") for slug in slugs)


@given(st.text())
def test_every_project_has_a_folder_that_is_one_plain_name(project):
    slug = places.slug(project)
    assert slug
    assert not set(slug) - set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_a_step_sees_an_allow_list_of_its_caller_s_environment():
    caller = {"PATH": "/bin", "HOME": "/home/x", "AWS_SECRET_ACCESS_KEY": "x", "SLACK_BOT_TOKEN": "x", "TERM": "x"}
    seen = order.environment({"env": {"CUDA_VISIBLE_DEVICES": "0", "TOKENIZERS_PARALLELISM": "1"}}, caller)
    assert set(seen) == {"PATH", "HOME", "LANG", "CUDA_VISIBLE_DEVICES", "TOKENIZERS_PARALLELISM"}
    assert seen["PATH"].endswith(":/bin")


def test_named_variables_are_passed_on():
    assert order.environment({"env": ["TERM", "GONE"]}, {"TERM": "dumb"})["TERM"] == "dumb"


@pytest.mark.parametrize(
    "name", ["AWS_PROFILE", "GITLAB_TOKEN", "MY_SECRET", "db_password", "GIT_DIR", "WANDB_API_KEY", "A=B", ""]
)
def test_credentials_cannot_travel_by_environment(name):
    with pytest.raises(OrderError, match="credentials travel as secrets"):
        order.environment({"env": {name: "x"}}, {})


def test_repro_never_gets_secrets():
    record = {
        "name": "run-1",
        "step": "repro",
        "fence": 1,
        "run_dir": "/srv/run",
        "workdir": "/srv",
        "spec": {"project": "x"},
        "secrets": {"git": {"token": "sandbox"}},
    }
    assert order.read(record).secrets == {}
    assert order.read({**record, "step": "publish"}).secrets != {}


def test_a_login_is_for_one_server_only():
    config = Secrets(token="sandbox").git_config("https://gitlab.example.com:8443/team/x.git")
    assert list(config) == ["http.https://gitlab.example.com:8443/.extraHeader"]
    assert Secrets(token="sandbox").git_config("/srv/origin.git") == {}
    assert Secrets().git_config("https://gitlab.example.com/x.git") == {}
    assert "sandbox" not in repr(Secrets(token="sandbox"))


def test_secrets_are_read_once(tmp_path, monkeypatch):
    monkeypatch.setenv("STATIONMASTER_SAMPLE", "before")
    (tmp_path / "secrets.json").write_text('{"git": {"token": "t"}, "env": {"STATIONMASTER_SAMPLE": "after"}}')
    assert take(tmp_path).token == "t"
    assert not (tmp_path / "secrets.json").exists()
    assert take(tmp_path).token == ""


def test_a_fence_only_grows(tmp_path):
    path = tmp_path / "home" / "fence"
    with fence.raised(path, 3):
        assert fence.read(path) == 3
    with fence.raised(path, 3):
        pass
    with pytest.raises(FencedError), fence.raised(path, 2):
        pass
    with pytest.raises(FencedError):
        fence.check(path, 2)
    fence.check(path, 4)
    assert fence.read(path) == 3


def test_a_fence_that_cannot_be_read_lets_nobody_pass(tmp_path):
    (tmp_path / "fence").write_text("garbage")
    with pytest.raises(ValueError, match="garbage"):
        fence.check(tmp_path / "fence", 99)


def test_a_crash_point_that_is_not_in_the_table_is_a_mistake():
    with pytest.raises(ValueError, match="no crash point"):
        reach("publish.nowhere")


def test_kills_for_want_of_memory_are_counted_from_the_kernel_s_own_figures(tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/box").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/box\n")
    (tmp_path / "sys/fs/cgroup/box/memory.events").write_text("max 7\noom 3\noom_kill 2\n")
    (tmp_path / "proc/vmstat").write_text("nr_free 1\noom_kill 5\n")
    assert memory.oom_kills(tmp_path) == 7
    assert memory.oom_kills(tmp_path / "nothing") == 0
