"""Git over HTTP against the local GitLab: real clones and pushes, tokens, protection, the ban, and restarts."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from bot.errors import UserError
from bot.sandbox.gitlab import DEVELOPER, GitLabSandbox
from tests.contract.gitlab_world import BOT, DEV, OLD, READ, TOKENS, Copy, fresh_world, git, running_gitlab
from tests.doubles.clock import TestClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.gitlab_world import World


@pytest.fixture(scope="module")
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, clock: TestClock) -> Iterator[GitLabSandbox]:
    with running_gitlab(tmp_path_factory.mktemp("gitlab"), clock=clock) as running:
        yield running


@pytest.fixture
def world(sandbox: GitLabSandbox, tmp_path: Path) -> World:
    return fresh_world(sandbox, tmp_path)


def branches(world: World) -> dict[str, str]:
    return {ref.name: ref.commit.sha for ref in world.project.git.branches()}


def tags(world: World) -> list[str]:
    return [ref.name for ref in world.project.git.tags()]


# ------------------------------------------------------------------------------------------------ tokens


def test_what_was_pushed_is_cloned_again(world: World):
    copy = world.first_commit()
    again = world.copy("again", READ)
    assert again.head() == copy.head()
    assert (again.path / "README.md").read_text() == "# Fruits\n"


def test_a_read_token_clones_but_is_refused_to_push(world: World):
    before = world.first_commit().head()
    reader = world.copy("reader", READ)
    reader.commit("Mine", mine__txt="mine")
    pushed = reader.push("main", check=False)
    assert pushed.returncode != 0
    assert "403" in pushed.stderr
    assert branches(world) == {"main": before}


@pytest.mark.parametrize("token", ["sandbox-wrong-token", OLD, ""])
def test_a_wrong_token_neither_clones_nor_pushes(world: World, token: str):
    copy = world.first_commit()
    assert git("clone", world.address(token), world.home / "no", check=False).returncode != 0
    assert copy.git("push", world.address(token), "main:other", check=False).returncode != 0
    assert list(branches(world)) == ["main"]


def test_nobody_without_a_token_reads_a_private_project_or_writes_a_public_one(
    world: World, sandbox: GitLabSandbox, tmp_path: Path
):
    asked = httpx.get(f"{world.project.git_url}/info/refs?service=git-upload-pack")
    assert asked.status_code == 401
    assert asked.headers["WWW-Authenticate"] == 'Basic realm="GitLab"'

    public = fresh_world(sandbox, tmp_path, visibility="public")
    copy = public.first_commit()
    git("clone", public.project.git_url, tmp_path / "anybody")
    assert copy.git("push", public.project.git_url, "main:other", check=False).returncode != 0
    assert list(branches(public)) == ["main"]


@pytest.mark.parametrize("header", ["PRIVATE-TOKEN: {}", "Authorization: Bearer {}"])
def test_a_token_in_a_header_is_taken_too(world: World, header: str):
    world.first_commit()
    extra = f"http.extraHeader={header.format(READ)}"
    assert "refs/heads/main" in git("-c", extra, "ls-remote", world.project.git_url).stdout


# ------------------------------------------------------------------------------------------------ pushes


def test_a_large_push_streams_through(world: World):
    copy = world.first_commit()
    (copy.path / "weights.bin").write_bytes(os.urandom(30_000_000))  # random, so that git cannot make it smaller
    copy.commit("Weights")
    copy.push("main")
    again = world.copy("again")
    assert (again.path / "weights.bin").read_bytes() == (copy.path / "weights.bin").read_bytes()


def test_a_gzip_body_is_understood(world: World):
    copy = world.first_commit()
    want = f"0032want {copy.head()}\n00000009done\n".encode()
    answer = httpx.post(
        f"{world.project.git_url}/git-upload-pack",
        content=gzip.compress(want),
        headers={
            "PRIVATE-TOKEN": READ,
            "Content-Encoding": "gzip",
            "Content-Type": "application/x-git-upload-pack-request",
        },
    )
    assert answer.status_code == 200
    assert b"PACK" in answer.content


def test_an_atomic_push_with_a_rejected_branch_leaves_no_tag(world: World):
    copy = world.first_commit()
    other = world.copy("other")
    theirs = other.commit("Theirs", theirs__txt="x")
    other.push("main")
    copy.commit("Mine", mine__txt="x")
    copy.git("tag", "v1.0.0")
    assert copy.push("--atomic", "main", "v1.0.0", check=False).returncode != 0
    assert branches(world) == {"main": theirs}
    assert tags(world) == []


def test_an_atomic_push_that_is_repeated_is_a_success(world: World):
    copy = world.first_commit()
    copy.git("tag", "v1.0.0")
    copy.push("--atomic", "main", "v1.0.0")
    assert copy.push("--atomic", "main", "v1.0.0").returncode == 0
    assert tags(world) == ["v1.0.0"]


# ------------------------------------------------------------------------------------------------ protection


def test_a_protected_branch_refuses_a_developer_and_takes_a_maintainer(world: World):
    copy = world.first_commit()
    world.project.protection.protect_branch("main", level=40)
    second = copy.commit("Second", more__txt="x")
    copy.git("tag", "v1.0.0")
    refused = copy.git("push", "--atomic", world.address(DEV), "main", "v1.0.0", check=False)
    assert "not allowed to push code to protected branches" in refused.stderr
    assert tags(world) == []
    copy.push("--atomic", "main", "v1.0.0")
    assert branches(world) == {"main": second}


def test_a_protected_branch_is_never_rewritten_or_deleted(world: World):
    copy = world.first_commit()
    second = copy.commit("Second", more__txt="x")
    copy.push("main")
    world.project.protection.protect_branch("main", level=DEVELOPER)
    copy.git("reset", "--quiet", "--hard", "HEAD~1")
    assert "force push" in copy.push("--force", "main", check=False).stderr
    assert copy.push(":main", check=False).returncode != 0
    assert branches(world) == {"main": second}
    assert copy.push("--force", "main:topic").returncode == 0


def test_a_protected_tag_is_made_by_its_role_and_never_moved(world: World):
    copy = world.first_commit()
    world.project.protection.protect_tag("v*", level=40)
    copy.git("tag", "v1.0.0")
    refused = copy.git("push", world.address(DEV), "v1.0.0", check=False)
    assert "not allowed to create this tag" in refused.stderr
    copy.push("v1.0.0")
    copy.commit("Second", more__txt="x")
    copy.git("tag", "--force", "v1.0.0")
    assert "Protected tags cannot be updated" in copy.push("--force", "v1.0.0", check=False).stderr


def test_the_default_branch_can_be_protected_from_the_start(sandbox: GitLabSandbox, tmp_path: Path):
    world = fresh_world(sandbox, tmp_path, protect_default_branch=True)
    copy = world.first_commit()
    copy.commit("Second", more__txt="x")
    assert copy.git("push", world.address(DEV), "main", check=False).returncode != 0
    assert world.api("GET", "repository/branches/main").json()["protected"] is True


# ------------------------------------------------------------------------------------------------ the ban


def refs(world: World, secret: str) -> int:
    address = f"{world.project.git_url}/info/refs?service=git-upload-pack"
    return httpx.get(address, auth=("anybody", secret), verify=False).status_code


def test_thirty_failed_log_ins_in_three_minutes_ban_for_an_hour(world: World, clock: TestClock):
    assert [refs(world, "sandbox-wrong-token") for _ in range(30)] == [401] * 30
    assert refs(world, BOT) == 403
    assert world.api("GET", "").status_code == 200  # the ban is for git and the registry
    clock.advance(3599)
    assert refs(world, BOT) == 403
    clock.advance(2)
    assert refs(world, BOT) == 200


def test_failures_spread_over_more_than_three_minutes_do_not_ban(world: World, clock: TestClock):
    for _ in range(40):
        assert refs(world, "sandbox-wrong-token") == 401
        clock.advance(7)
    assert refs(world, BOT) == 200


def test_a_good_log_in_forgets_the_failures_before_it(world: World):
    for _ in range(2):
        assert [refs(world, "sandbox-wrong-token") for _ in range(20)] == [401] * 20
        assert refs(world, BOT) == 200


# ------------------------------------------------------------------------------------------------ a life


def test_everything_is_there_after_a_restart(tmp_path: Path):
    with running_gitlab(tmp_path / "gitlab") as first:
        world = fresh_world(first, tmp_path)
        world.first_commit()
        world.project.protection.protect_tag("v*", level=40)
        release = {"tag_name": "v1.0.0", "ref": "main", "description": "One"}
        assert world.api("POST", "releases", release).status_code == 201
        path = world.project.path
    with running_gitlab(tmp_path / "gitlab") as second:
        project = second.create_project(path)
        assert project.id == world.project.id
        answer = httpx.get(f"{second.url}/api/v4/projects/{project.id}/releases/v1.0.0", headers={"PRIVATE-TOKEN": BOT})
        assert answer.json()["description"] == "One"
        assert project.protection.tag_level("v2") == 40


_VICTIM = """
import sys, threading
from pathlib import Path
from bot.sandbox.gitlab import GitLabSandbox, Token, User
sandbox = GitLabSandbox(Path(sys.argv[1]), tokens=[Token(sys.argv[2], User("stationmaster"))])
sandbox.start()
sandbox.create_project("team/fruits")
print(sandbox.url, flush=True)
threading.Event().wait()
"""


def test_a_release_that_was_answered_survives_kill_9(tmp_path: Path):
    with subprocess.Popen(
        [sys.executable, "-c", _VICTIM, str(tmp_path / "gitlab"), BOT], stdout=subprocess.PIPE, text=True
    ) as victim:
        assert victim.stdout is not None
        url = victim.stdout.readline().strip()
        git("clone", "--quiet", f"{url.replace('://', f'://x:{BOT}@')}/team/fruits.git", tmp_path / "work")
        copy = Copy(tmp_path / "work")
        copy.git("checkout", "--quiet", "-B", "main")
        copy.commit("First", a="a")
        copy.push("main")
        api, headers = f"{url}/api/v4/projects/1/releases", {"PRIVATE-TOKEN": BOT}
        made = httpx.post(api, json={"tag_name": "v1", "ref": "main"}, headers=headers)
        assert made.status_code == 201
        victim.send_signal(signal.SIGKILL)
    with running_gitlab(tmp_path / "gitlab") as again:
        answer = httpx.get(f"{again.url}/api/v4/projects/1/releases/v1", headers=headers)
        assert answer.json() == {**made.json(), **_addresses(answer.json())}


def _addresses(release: dict[str, object]) -> dict[str, object]:
    """What holds the port, which is another one after a restart on port 0."""
    return {key: release[key] for key in ("_links", "assets", "author", "commit")}


def test_a_port_that_is_taken_is_said_in_words(sandbox: GitLabSandbox, tmp_path: Path):
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(UserError, match=f"cannot use port {port}"):
        GitLabSandbox(tmp_path, port=port, tokens=TOKENS)


def test_a_client_that_leaves_in_the_middle_of_a_push_does_no_harm(world: World):
    copy = world.first_commit()
    before = branches(world)
    host, port = world.sandbox.url.removeprefix("http://").split(":")
    head = [
        f"POST /{world.project.path}.git/git-receive-pack HTTP/1.1",
        f"Host: {host}",
        f"PRIVATE-TOKEN: {BOT}",
        "Content-Type: application/x-git-receive-pack-request",
        "Content-Length: 1000000",
    ]
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall("\r\n".join([*head, "", "00"]).encode())
    assert branches(world) == before
    copy.commit("Second", more__txt="x")
    copy.push("main")
    assert branches(world) == {"main": copy.head()}
