"""The `CodeHost` door: files of a commit, and two commits compared. Runs against the local GitLab, over real HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from bot.errors import NotFound
from bot.gitlab import GitLabProject
from bot.ports import MOST_FILES
from bot.sandbox.gitlab.compare_api import MOST_FILES as MOST_COMPARED
from tests.contract.gitlab_world import BOT

if TYPE_CHECKING:
    from bot.ports import CodeHost
    from tests.contract.gitlab_world import World


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


# ------------------------------------------------------------------------------------------------ two commits


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


def test_of_a_difference_that_is_too_large_gitlab_s_list_is_known_to_have_gaps(world: World, host: CodeHost):
    copy = world.first_commit()
    first = copy.head()
    assert host.compare(first, first).complete
    for number in range(MOST_COMPARED + 1):
        (copy.path / f"f{number}").write_text("x\n")
    last = copy.commit("Very many")
    copy.push("main")
    found = host.compare(first, last)
    assert (found.complete, len(found.files), found.commits) == (False, MOST_COMPARED, 1)


def test_the_files_of_what_is_no_commit_cannot_be_listed(world: World, host: CodeHost):
    world.first_commit()
    with pytest.raises(NotFound, match="404 Tree Not Found"):
        host.tree("a" * 40)


@pytest.mark.parametrize("name", ["50%.txt", "a+b?.txt", "#1.txt", "ümläut.txt", "a;b&c=d.txt"])
def test_a_file_may_have_any_name_that_git_allows(world: World, host: CodeHost, name: str):
    copy = world.first_commit()
    (copy.path / name).write_text("x\n")
    copy.commit("Named")
    copy.push("main")
    assert host.file(name, "main") == b"x\n"
    assert name in (host.tree(copy.head()) or {})


def test_a_path_out_of_the_repository_is_no_file_and_gitlab_is_not_asked(world: World, host: CodeHost):
    world.first_commit()
    assert host.file("src/../../secret", "main") is None
    assert world.asked() == []
