"""The `CodeHost` door: releases, and merge requests with their note. Runs against the local GitLab, over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from bot.errors import Conflict, NotFound, Unavailable
from bot.ports import Release, ReleaseLink
from tests.contract.gitlab_calls import RELEASE, ensure, note

if TYPE_CHECKING:
    from bot.ports import CodeHost
    from tests.contract.gitlab_world import World

RELEASES = r"/releases$"


def test_there_is_no_release_before_it_is_made(tagged: str, host: CodeHost):
    assert tagged
    assert host.release("v1.0.0") is None
    assert host.release("v9.9.9") is None


def test_a_release_comes_back_as_it_was_asked_for_with_its_page(tagged: str, host: CodeHost):
    assert tagged
    made = host.create_release(RELEASE)
    assert replace(made, url="") == RELEASE
    assert host.release("v1.0.0") == made
    assert httpx.get(made.url).status_code == 200


def test_the_same_release_twice_is_one_release_and_a_success(tagged: str, world: World, host: CodeHost):
    assert tagged
    first = host.create_release(RELEASE)
    assert host.create_release(RELEASE) == first
    assert [call[-3:] for call in world.asked("POST")] == ["201", "409"]


def test_line_ends_and_trailing_blanks_do_not_make_a_release_different(tagged: str, host: CodeHost):
    assert tagged
    host.create_release(RELEASE)
    other = RELEASE.description.replace("\n", "  \r\n") + "\n\n"
    host.create_release(replace(RELEASE, description=other))


def test_the_order_of_links_does_not_make_a_release_different(tagged: str, host: CodeHost):
    assert tagged
    host.create_release(RELEASE)
    host.create_release(replace(RELEASE, links=RELEASE.links[::-1]))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(RELEASE, description="Another"), "another description"),
        (replace(RELEASE, links=RELEASE.links[:1]), "other links"),
        (
            replace(RELEASE, links=(replace(RELEASE.links[0], url="https://example.com/x"), RELEASE.links[1])),
            "other links",
        ),
        (replace(RELEASE, links=(replace(RELEASE.links[0], path="/other.dvc"), RELEASE.links[1])), "other links"),
    ],
)
def test_a_release_that_differs_is_a_conflict_and_stays_as_it_was(
    tagged: str, host: CodeHost, other: Release, words: str
):
    assert tagged
    made = host.create_release(RELEASE)
    with pytest.raises(Conflict, match=words):
        host.create_release(other)
    assert host.release("v1.0.0") == made


def test_a_lost_answer_still_ends_in_exactly_one_release(tagged: str, world: World, host: CodeHost):
    assert tagged
    world.sandbox.fault("POST", RELEASES, "reset_after")
    made = host.create_release(RELEASE)
    assert replace(made, url="") == RELEASE
    assert [release["tag_name"] for release in world.api("GET", "releases").json()] == ["v1.0.0"]


@pytest.mark.parametrize("kind", ["reset_before", "500", "502"])
def test_a_release_that_was_not_made_is_unavailable_and_the_next_try_makes_it(
    tagged: str, world: World, host: CodeHost, kind: str
):
    assert tagged
    world.sandbox.fault("POST", RELEASES, kind)
    with pytest.raises(Unavailable):
        host.create_release(RELEASE)
    assert host.release("v1.0.0") is None
    assert replace(host.create_release(RELEASE), url="") == RELEASE


def test_a_release_that_gitlab_refuses_is_a_conflict_with_its_words(tagged: str, host: CodeHost):
    assert tagged
    twice = (ReleaseLink("train.dvc", "https://example.com/a"), ReleaseLink("train.dvc", "https://example.com/b"))
    with pytest.raises(Conflict, match="already been taken"):
        host.create_release(replace(RELEASE, links=twice))
    assert host.release("v1.0.0") is None


def test_a_release_without_its_tag_is_refused_and_makes_no_tag(world: World, host: CodeHost):
    world.first_commit()
    with pytest.raises(NotFound, match=r"no tag v1\.0\.0"):
        host.create_release(RELEASE)
    assert host.tags() == []


# ------------------------------------------------------------------------------------------------ merge requests


@pytest.fixture
def branched(world: World) -> None:
    copy = world.first_commit()
    copy.commit("More", more__txt="more")
    copy.push("HEAD:refs/heads/train/run-42")


def merge_requests(world: World) -> list[str]:
    return [str(it["web_url"]) for it in world.api("GET", "merge_requests").json()]


@pytest.mark.usefixtures("branched")
def test_a_merge_request_is_made_once_and_found_after_that(world: World, host: CodeHost):
    address = ensure(host)
    assert ensure(host) == address
    assert merge_requests(world) == [address]
    assert httpx.get(address).status_code == 200


@pytest.mark.usefixtures("branched")
def test_a_lost_answer_still_ends_in_exactly_one_merge_request(world: World, host: CodeHost):
    world.sandbox.fault("POST", "/merge_requests$", "reset_after")
    assert merge_requests(world) == []
    assert [ensure(host)] == merge_requests(world)


@pytest.mark.usefixtures("branched")
def test_a_merge_request_between_branches_that_are_not_there_is_refused_in_words(host: CodeHost):
    with pytest.raises(Conflict, match="does not exist"):
        host.ensure_merge_request("nope", "main", "title", "")


def notes(world: World, iid: int = 1) -> list[str]:
    return [str(it["body"]) for it in world.api("GET", f"merge_requests/{iid}/notes?sort=asc").json()]


@pytest.mark.usefixtures("branched")
def test_a_note_is_made_once_and_changed_after_that(world: World, host: CodeHost):
    address = ensure(host)
    assert note(host) == address
    assert note(host, "better") == address
    assert notes(world) == ["<!-- metrics -->\nbetter"]


@pytest.mark.usefixtures("branched")
def test_a_note_that_says_that_already_is_not_written_again(world: World, host: CodeHost):
    ensure(host)
    note(host)
    note(host)
    assert [call for call in world.asked("PUT") if "/notes/" in call] == []


@pytest.mark.usefixtures("branched")
def test_a_note_whose_answer_was_lost_is_found_by_the_next_call(world: World, host: CodeHost):
    ensure(host)
    world.sandbox.fault("POST", "/notes$", "reset_after")
    with pytest.raises(Unavailable):
        note(host)
    note(host)
    assert len(notes(world)) == 1


@pytest.mark.usefixtures("branched")
def test_other_peoples_notes_are_left_alone_however_many_there_are(world: World, host: CodeHost):
    ensure(host)
    for number in range(102):
        world.api("POST", "merge_requests/1/notes", {"body": f"remark {number}, quoting <!-- metrics -->"})
    note(host)
    note(host, "better")
    assert notes(world)[:1] == ["remark 0, quoting <!-- metrics -->"]
    later = world.api("GET", "merge_requests/1/notes?sort=asc&page=2&per_page=100").json()
    assert [it["body"] for it in later][2:] == ["<!-- metrics -->\nbetter"]


@pytest.mark.usefixtures("branched")
def test_a_branch_without_an_open_merge_request_gets_no_note(host: CodeHost):
    assert note(host) is None
