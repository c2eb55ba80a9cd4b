"""The `CodeHost` door: what every GitLab must let it do. Runs against the local GitLab, over real HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import httpx
import pytest

from bot.errors import Conflict, NotFound, Unauthorised, Unavailable
from bot.gitlab import GitLabProject
from bot.ports import MOST_FILES, CommitStatus, Release, ReleaseLink, Tag
from tests.contract.gitlab_world import API_READ, BOT, DEV, OLD, READ, fresh_world, running_gitlab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bot.ports import CodeHost
    from bot.sandbox.gitlab import GitLabSandbox
    from tests.contract.gitlab_world import World

RELEASES = r"/releases$"
RELEASE = Release(
    tag="v1.0.0",
    name="v1.0.0",
    description="## Metrics\n\n| accuracy |\n|---|\n| 0.97 |\n",
    links=(
        ReleaseLink("train.dvc", "https://example.com/fruits/v1.0.0/train.dvc", "/train.dvc"),
        ReleaseLink("The run", "https://example.com/runs/42"),
    ),
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitLabSandbox]:
    with running_gitlab(tmp_path_factory.mktemp("gitlab")) as running:
        yield running


@pytest.fixture
def world(sandbox: GitLabSandbox, tmp_path: Path) -> World:
    return fresh_world(sandbox, tmp_path)


@pytest.fixture
def host(world: World) -> Iterator[GitLabProject]:
    door = world.door()
    yield door
    door.close()


@pytest.fixture
def tagged(world: World) -> str:
    """A world whose v1.0.0 is tagged and pushed; the commit."""
    copy = world.first_commit()
    copy.git("tag", "--annotate", "v1.0.0", "--message", "Release v1.0.0")
    copy.push("v1.0.0")
    return copy.head()


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


# ------------------------------------------------------------------------------------------------ files


def test_a_file_is_read_as_it_is_at_a_branch_and_at_a_commit(world: World, host: CodeHost):
    copy = world.first_commit()
    first = copy.head()
    (copy.path / "src").mkdir()
    (copy.path / "src" / "a b.bin").write_bytes(b"\x00\xff\r\n")
    copy.commit("More", README__md="# More\n")
    copy.push("main")
    assert host.file("README.md", "main") == b"# More\n"
    assert host.file("README.md", first) == b"# Fruits\n"
    assert host.file("src/a b.bin", "main") == b"\x00\xff\r\n"
    assert len(world.asked()) == 3


@pytest.mark.parametrize(("path", "ref"), [("nope.txt", "main"), ("src", "main"), ("README.md", "nope")])
def test_there_is_no_content_without_a_file(world: World, host: CodeHost, path: str, ref: str):
    copy = world.first_commit()
    (copy.path / "src").mkdir()
    (copy.path / "src" / "a.txt").write_text("a")
    copy.commit("More")
    copy.push("main")
    assert host.file(path, ref) is None


def test_a_file_of_a_project_that_is_not_there_is_no_missing_file(world: World):
    door = GitLabProject(world.sandbox.url, "team/vegetables", BOT)
    with pytest.raises(NotFound, match="no project team/vegetables"):
        door.file("README.md", "main")
    door.close()


def test_the_files_of_a_commit_are_its_regular_files_with_git_s_ids(world: World, host: CodeHost):
    copy = world.first_commit()
    (copy.path / "src").mkdir()
    (copy.path / "src" / "run.py").write_text("pass\n")
    (copy.path / "link").symlink_to("README.md")
    copy.commit("More")
    copy.push("main")
    ids = {path: copy.git("rev-parse", f"HEAD:{path}").stdout.strip() for path in ("README.md", "src/run.py")}
    assert host.tree(copy.head()) == ids


def test_a_commit_of_too_many_files_is_not_listed_to_its_end(world: World, host: CodeHost):
    copy = world.first_commit()
    for number in range(MOST_FILES + 300):
        (copy.path / f"{number}.txt").touch()
    copy.commit("Many")
    copy.push("main")
    assert host.tree(copy.head()) is None
    assert len(world.asked()) == MOST_FILES // 100 + 1


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


def test_two_commits_are_compared_by_commits_and_files(world: World, host: CodeHost):
    copy = world.first_commit()
    first = copy.head()
    copy.commit("Second", notes__txt="more", README__md="# Fruit\n")
    copy.git("mv", "notes.txt", "a [b] ümläut.txt")
    last = copy.commit("Third")
    copy.push("main")
    there = host.compare(first, last)
    assert (there.commits, there.files) == (2, ("README.md", "a [b] ümläut.txt"))
    back = host.compare(last, first)
    assert (back.commits, back.files) == (0, there.files)
    assert host.compare(last, last).files == ()
    assert httpx.get(there.url).status_code == 200


def test_commits_of_branches_that_parted_are_compared_as_they_are(world: World, host: CodeHost):
    copy = world.first_commit()
    copy.git("checkout", "--quiet", "-b", "topic")
    mine = copy.commit("Mine", mine__txt="1")
    copy.git("checkout", "--quiet", "main")
    theirs = copy.commit("Theirs", theirs__txt="2")
    copy.push("main", "topic")
    assert (host.compare(mine, theirs).commits, host.compare(theirs, mine).commits) == (1, 1)
    assert host.compare(mine, theirs).files == ("mine.txt", "theirs.txt")


def test_what_is_no_commit_cannot_be_compared(world: World, host: CodeHost):
    copy = world.first_commit()
    with pytest.raises(NotFound):
        host.compare(copy.head(), "0" * 40)


# ------------------------------------------------------------------------------------------------ files


def test_a_file_is_read_as_it_is_at_a_commit_a_branch_or_a_tag(world: World, host: CodeHost):
    copy = world.first_commit()
    first = copy.commit("Parameters", params__yaml="train:\n  epochs: 3\n")
    copy.commit("Others", params__yaml="train:\n  epochs: 4\n")
    copy.push("main")
    copy.push("main:refs/heads/feature/wider")
    assert host.file("params.yaml", first) == b"train:\n  epochs: 3\n"
    assert host.file("params.yaml", "main") == b"train:\n  epochs: 4\n"
    assert host.file("params.yaml", "feature/wider") == b"train:\n  epochs: 4\n"
    assert len(world.asked()) == 3


def test_a_file_that_is_not_there_is_none_also_at_a_commit_that_is_not_there(world: World, host: CodeHost):
    copy = world.first_commit()
    assert host.file("nope.yaml", copy.head()) is None
    assert host.file("src/nope.yaml", copy.head()) is None
    assert host.file("params.yaml", "e" * 40) is None


def test_a_file_of_a_project_that_is_not_there_is_not_mistaken_for_a_missing_one(world: World):
    door = GitLabProject(world.sandbox.url, "team/vegetables", BOT)
    with pytest.raises(NotFound, match="no project team/vegetables"):
        door.file("params.yaml", "main")
    door.close()


# ------------------------------------------------------------------------------------------------ releases


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


def ensure(host: CodeHost) -> str:
    return host.ensure_merge_request("train/run-42", "main", "Result of run 42", "See the release.")


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


def note(host: CodeHost, body: str = "| accuracy |\n|---|\n| 0.97 |") -> str | None:
    return host.upsert_note("train/run-42", "<!-- metrics -->", body)


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


# ------------------------------------------------------------------------------------------------ bad days

CALLS: dict[str, Callable[[CodeHost], object]] = {
    "head": lambda host: host.head("main"),
    "default_branch": lambda host: host.default_branch(),
    "branches": lambda host: host.branches("main"),
    "compare": lambda host: host.compare("a" * 40, "b" * 40),
    "tag": lambda host: host.tag("v1.0.0"),
    "tags": lambda host: host.tags(),
    "release": lambda host: host.release("v1.0.0"),
    "create_release": lambda host: host.create_release(RELEASE),
    "ensure_merge_request": ensure,
    "upsert_note": note,
}
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
