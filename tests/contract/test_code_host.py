"""The `CodeHost` door: branches, tags, and every call on a bad day. Runs against the local GitLab, over real HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bot.errors import NotFound, Unauthorised, Unavailable
from bot.gitlab import GitLabProject
from bot.ports import CommitStatus, Tag
from tests.contract.gitlab_calls import CALLS, RELEASE
from tests.contract.gitlab_world import API_READ, BOT, DEV, OLD, READ

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.ports import CodeHost
    from tests.contract.gitlab_world import World

# ------------------------------------------------------------------------------------------------ branches and tags


def test_the_head_of_a_branch_is_the_commit_that_was_pushed_last(world: World, host: CodeHost):
    copy = world.first_commit()
    assert host.head("main") == copy.head()
    second = copy.commit("Second", notes__txt="more")
    copy.push("main")
    assert host.head("main") == second


def test_the_head_costs_one_request(world: World, host: CodeHost):
    world.first_commit()
    host.head("main")
    assert len(world.asked()) == 1


@pytest.mark.parametrize("name", ["feature/mobilenet", "fix-#7", "50%", "ümläut", "a+b", "v1.0"])
def test_a_branch_may_have_any_name_that_git_allows(world: World, host: CodeHost, name: str):
    copy = world.first_commit()
    copy.push(f"main:refs/heads/{name}")
    assert host.head(name) == copy.head()


def test_there_is_no_head_without_a_branch(world: World, host: CodeHost):
    world.first_commit()
    assert host.head("nope") is None
    assert host.head("../../user") is None


def test_every_branch_is_named_with_its_tip_however_many_there_are(world: World, host: CodeHost):
    copy = world.first_commit()
    copy.push(*[f"main:refs/heads/b{number}" for number in range(120)])
    second = copy.commit("Second", notes__txt="more")
    copy.push("main")
    tips = host.tips()
    assert (len(tips), tips["main"]) == (121, second)
    assert len(world.asked()) == 2


def test_commits_between_two_come_oldest_first_with_message_and_committer(world: World, host: CodeHost):
    copy = world.first_commit()
    first = copy.head()
    second = copy.commit("trigger training v1.0.0\n\nWhy not.", notes__txt="more")
    third = copy.commit("Third", notes__txt="most")
    copy.push("main")
    found = host.commits(first, third)
    assert [commit.id for commit in found] == [second, third]
    assert found[0].message.startswith("trigger training v1.0.0\n")
    assert "Why not." in found[0].message
    assert {commit.email for commit in found} == {"alice@example.com"}
    assert host.commits(third, third) == []


def test_commits_since_one_that_is_gone_are_not_found(world: World, host: CodeHost):
    head = world.first_commit().head()
    with pytest.raises(NotFound):
        host.commits("0" * 40, head)


def test_a_status_is_shown_beside_its_commit_and_the_next_takes_its_place(world: World, host: CodeHost):
    head = world.first_commit().head()
    host.set_status(head, CommitStatus("pending", "It waits"))
    host.set_status(head, CommitStatus("failed", "No " * 200, "https://team.slack.test/archives/C1/p15"))
    (shown,) = world.api("GET", f"repository/commits/{head}/statuses").json()
    assert (shown["status"], shown["name"]) == ("failed", "stationmaster: smoke test")
    assert shown["target_url"] == "https://team.slack.test/archives/C1/p15"
    assert len(shown["description"]) == 255


def test_a_commit_that_is_not_there_has_no_status(world: World, host: CodeHost):
    world.first_commit()
    with pytest.raises(NotFound):
        host.set_status("0" * 40, CommitStatus("pending", "It waits"))


def test_a_tag_is_not_taken_for_a_branch(tagged: str, host: CodeHost):
    assert tagged
    assert host.head("v1.0.0") is None


def test_a_project_that_is_not_there_is_not_mistaken_for_a_missing_branch(world: World):
    door = GitLabProject(world.sandbox.url, "team/vegetables", BOT)
    with pytest.raises(NotFound, match="no project team/vegetables"):
        door.head("main")
    door.close()


def test_a_search_brings_the_exact_name_first_then_names_that_start_with_it(world: World, host: CodeHost):
    copy = world.first_commit()
    for name in ("old-main", "main-2", "topic"):
        copy.push(f"main:refs/heads/{name}")
    assert host.branches("main") == ["main", "main-2", "old-main"]
    assert sorted(host.branches()) == ["main", "main-2", "old-main", "topic"]


def test_a_list_of_branches_is_one_request_for_at_most_a_hundred(world: World, host: CodeHost):
    copy = world.first_commit()
    copy.push(*[f"main:refs/heads/b{number}" for number in range(120)])
    assert len(host.branches()) == 100
    assert len(world.asked()) == 1


def test_more_branches_are_brought_page_by_page(world: World, host: CodeHost):
    copy = world.first_commit()
    copy.push(*[f"main:refs/heads/b{number}" for number in range(120)])
    assert len(host.branches(most=5_000)) == 121
    assert len(world.asked()) == 2
    assert len(host.branches(most=101)) == 101


def test_a_tag_points_at_the_commit_whether_annotated_or_not(world: World, host: CodeHost):
    copy = world.first_commit()
    copy.git("tag", "light")
    copy.git("tag", "--annotate", "heavy", "--message", "Heavy")
    copy.push("--tags")
    assert host.tag("light") == Tag("light", copy.head())
    assert host.tag("heavy") == Tag("heavy", copy.head(), "Heavy")
    assert {tag.name for tag in host.tags()} == {"light", "heavy"}
    assert host.tag("nope") is None


def test_the_default_branch_is_asked_for_once(world: World, host: CodeHost):
    assert [host.default_branch(), host.default_branch()] == ["main", "main"]
    assert len(world.asked()) == 1


# ------------------------------------------------------------------------------------------------ bad days

EVERY_CALL = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@EVERY_CALL
@pytest.mark.parametrize("token", ["sandbox-wrong-token", OLD])
def test_a_refused_token_is_tried_once(world: World, call: Callable[[CodeHost], object], token: str):
    door = world.door(token)
    with pytest.raises(Unauthorised, match="GitLab refused the token") as caught:
        call(door)
    assert len(world.asked()) == 1
    assert token not in str(caught.value)
    assert token not in repr(door)
    door.close()


@EVERY_CALL
def test_a_rate_limit_comes_up_with_its_seconds_after_one_request(
    world: World, host: CodeHost, call: Callable[[CodeHost], object]
):
    world.sandbox.fault("*", "/api/v4/", "429", retry_after=7)
    with pytest.raises(Unavailable) as caught:
        call(host)
    assert caught.value.retry_after == 7
    assert world.asked() == []  # the one request met the fault, and none came after it


def test_a_rate_limit_that_names_no_seconds_is_unavailable_all_the_same(world: World, host: CodeHost):
    """As gitlab.com answered for a while (gitlab-org/gitlab#365728)."""
    world.sandbox.fault("GET", "/tree", "429")
    with pytest.raises(Unavailable) as caught:
        host.tree("a" * 40)
    assert caught.value.retry_after is None


@EVERY_CALL
@pytest.mark.parametrize("kind", ["500", "502", "reset_before"])
def test_trouble_that_passes_is_unavailable(
    world: World, host: CodeHost, call: Callable[[CodeHost], object], kind: str
):
    world.sandbox.fault("*", "/api/v4/", kind, times=2)
    with pytest.raises(Unavailable):
        call(host)


def test_a_gitlab_that_is_not_there_is_unavailable():
    door = GitLabProject("http://127.0.0.1:9", "team/fruits", BOT)
    with pytest.raises(Unavailable, match="did not answer"):
        door.head("main")
    door.close()


def test_a_gitlab_that_is_too_slow_is_unavailable(world: World):
    world.sandbox.fault("GET", "/branches/", "delay", delay=0.4)
    door = world.door(timeout=0.1)
    with pytest.raises(Unavailable, match="did not answer"):
        door.head("main")
    door.close()


@pytest.mark.parametrize("token", [API_READ, READ])
def test_a_token_that_may_not_write_makes_no_release(tagged: str, world: World, token: str):
    assert tagged
    door = world.door(token)
    with pytest.raises(Unauthorised, match="insufficient_scope"):
        door.create_release(RELEASE)
    door.close()


def test_a_release_of_a_protected_tag_needs_the_right_role(tagged: str, world: World):
    assert tagged
    world.project.protection.protect_tag("v*", level=40)
    door = world.door(DEV)
    with pytest.raises(Unauthorised, match="403"):
        door.create_release(RELEASE)
    door.close()


def test_an_address_that_is_no_gitlab_is_not_mistaken_for_a_missing_branch(world: World):
    door = GitLabProject(f"{world.sandbox.url}/elsewhere", "team/fruits", BOT)
    with pytest.raises(NotFound, match="GITLAB_URL"):
        door.head("main")
    door.close()


def test_an_answer_of_another_shape_is_unavailable(world: World):
    door = GitLabProject(f"{world.sandbox.url}/sandbox/faults?", "team/fruits", BOT)
    with pytest.raises(Unavailable, match="does not answer as a GitLab"):
        door.branches()
    door.close()


def test_many_threads_share_one_door(tagged: str, world: World, host: CodeHost):
    with ThreadPoolExecutor(8) as pool:
        heads = list(pool.map(lambda _: host.head("main"), range(40)))
    assert heads == [tagged] * 40
    assert len(world.asked()) == 40


# ------------------------------------------------------------------------------------------------ access


def test_access_says_who_the_token_is_and_when_it_ends(host: GitLabProject):
    access = host.access()
    assert (access.username, access.name, access.scopes) == ("stationmaster", "Stationmaster", ("api",))
    assert access.expires == date(2099, 1, 31)
    assert access.days_left(date(2099, 1, 17)) == 14


def test_access_does_without_the_end_when_gitlab_does_not_tell(world: World, host: GitLabProject):
    world.sandbox.fault("GET", "/personal_access_tokens/self", "403")
    access = host.access()
    assert access.username == "stationmaster"
    assert access.expires is None
    assert access.days_left(date(2099, 1, 17)) is None


def test_access_with_a_wrong_token_is_one_request(world: World):
    door = world.door("sandbox-wrong-token")
    with pytest.raises(Unauthorised):
        door.access()
    assert len(world.asked()) == 1
    door.close()
