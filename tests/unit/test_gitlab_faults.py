"""Faults on demand in the local GitLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from bot.sandbox.gitlab.faults import Fault
from tests.contract.gitlab_world import fresh_world, running_gitlab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.sandbox.gitlab import GitLabSandbox
    from tests.contract.gitlab_world import World


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitLabSandbox]:
    with running_gitlab(tmp_path_factory.mktemp("gitlab")) as running:
        yield running


@pytest.fixture
def world(sandbox: GitLabSandbox, tmp_path: Path) -> World:
    return fresh_world(sandbox, tmp_path)


def test_a_rate_limit_is_plain_text_with_the_seconds_to_wait(world: World):
    world.sandbox.fault("GET", "/user$", "429", retry_after=30)
    answer = world.api("GET", "/user")
    assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (429, "Retry later\n", "30")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("kind", ["400", "401", "403", "500", "502"])
def test_a_fault_meets_as_many_requests_as_it_says(world: World, kind: str):
    world.sandbox.fault("GET", "/user$", kind, times=2)
    assert [world.api("GET", "/user").status_code for _ in range(3)] == [int(kind), int(kind), 200]


def test_a_fault_waits_for_its_method_and_path(world: World):
    world.sandbox.fault("POST", "/releases$", "500")
    assert world.api("GET", "/user").status_code == 200
    assert world.api("GET", "releases").status_code == 200
    assert world.api("POST", "releases", {"tag_name": "v1"}).status_code == 500


@pytest.mark.parametrize(("kind", "made"), [("reset_before", []), ("reset_after", ["v1"])])
def test_a_reset_closes_the_connection_without_a_word(world: World, kind: str, made: list[str]):
    world.first_commit()
    world.sandbox.fault("POST", "/tags$", kind)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        world.api("POST", "repository/tags", {"tag_name": "v1", "ref": "main"})
    assert [tag["name"] for tag in world.api("GET", "repository/tags").json()] == made


def test_a_lost_answer_to_a_push_is_a_push_that_happened(world: World):
    copy = world.first_commit()
    second = copy.commit("Second", more__txt="x")
    world.sandbox.fault("POST", "/git-receive-pack$", "reset_after")
    assert copy.push("--atomic", "main", check=False).returncode != 0
    assert world.project.git.resolve("main") == second
    assert copy.push("--atomic", "main").returncode == 0


def test_a_delay_is_late_and_right(world: World):
    world.sandbox.fault("GET", "/user$", "delay", delay=0.05)
    answer = world.api("GET", "/user")
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= 0.05


def test_faults_are_arranged_over_http_too(world: World):
    desk = f"{world.sandbox.url}/sandbox/faults"
    fault = {"method": "GET", "path": "/user$", "kind": "500", "times": 1}
    assert httpx.post(desk, json=fault).json()["faults"][0]["kind"] == "500"
    assert world.api("GET", "/user").status_code == 500
    assert httpx.get(desk).json() == {"faults": []}
    httpx.post(desk, json=fault)
    assert httpx.delete(desk).json() == {"faults": []}
    assert world.api("GET", "/user").status_code == 200


@pytest.mark.parametrize("wrong", [{"method": "GET"}, {"method": "GET", "path": "(", "kind": "500"}, []])
def test_a_fault_that_makes_no_sense_is_refused(world: World, wrong: object):
    assert httpx.post(f"{world.sandbox.url}/sandbox/faults", json=wrong).status_code == 400


def test_an_unknown_kind_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="reset_after"):
        Fault("GET", "/", "explode")
