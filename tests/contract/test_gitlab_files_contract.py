"""The local GitLab's tree, raw file and compare, which the extract of GitLab's description leaves out.

Sources, of GitLab 18: docs.gitlab.com "Repositories API", "Repository files API", "REST API" (encoding, pagination) and
"Diff limits administration"; where those are silent, gitlabhq's lib/api/repositories.rb, lib/api/files.rb,
lib/api/entities/{compare,diff}.rb and spec/requests/api/repositories_spec.rb.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from bot.sandbox.gitlab.compare_api import MOST_FILES, SHOWN_FILES

if TYPE_CHECKING:
    from tests.contract.gitlab_world import Copy, World

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


def refused(world: World, path: str) -> tuple[int, dict[str, str]]:
    answer = world.api("GET", path)
    return answer.status_code, answer.json()


# ------------------------------------------------------------------------------------------------ the tree


@pytest.fixture
def folders(copy: Copy) -> Copy:
    """`main` also has `src/deep/a.py`, which may be executed, and a link."""
    copy.git("checkout", "--quiet", "main")
    (copy.path / "src" / "deep").mkdir(parents=True)
    (copy.path / "src" / "deep" / "a.py").write_text("pass\n")
    (copy.path / "src" / "deep" / "a.py").chmod(0o755)
    (copy.path / "link").symlink_to("README.md")
    copy.commit("Folders")
    copy.push("main")
    return copy


def test_a_tree_is_what_stands_in_the_folder_of_the_default_branch(world: World, folders: Copy):
    listed = {entry["path"]: entry for entry in world.api("GET", "repository/tree").json()}
    assert set(listed) == {"README.md", "link", "src"}
    assert {(entry["type"], entry["mode"]) for entry in listed.values()} == {
        ("blob", "100644"),
        ("blob", "120000"),
        ("tree", "040000"),
    }
    assert set(listed["src"]) == {"id", "name", "type", "path", "mode"}
    assert listed["src"]["id"] == folders.git("rev-parse", "HEAD:src").stdout.strip()


@pytest.mark.parametrize("yes", ["true", "1"])
@pytest.mark.usefixtures("folders")
def test_a_recursive_tree_has_the_folders_too(world: World, yes: str):
    listed = {entry["path"]: entry for entry in world.api("GET", f"repository/tree?recursive={yes}").json()}
    assert set(listed) == {"README.md", "link", "src", "src/deep", "src/deep/a.py"}
    assert (listed["src/deep/a.py"]["name"], listed["src/deep/a.py"]["mode"]) == ("a.py", "100755")


@pytest.mark.usefixtures("folders")
def test_a_tree_is_of_a_folder_and_a_ref_with_slashes(world: World):
    inside = world.api("GET", "repository/tree?path=src%2Fdeep").json()
    assert [entry["path"] for entry in inside] == ["src/deep/a.py"]
    topic = world.api("GET", "repository/tree?ref=topic%2Fone").json()
    assert [entry["path"] for entry in topic] == ["README.md", "more.txt"]


def test_a_tree_comes_twenty_at_a_time_and_never_more_than_a_hundred(world: World, copy: Copy):
    copy.git("checkout", "--quiet", "main")
    for number in range(150):
        (copy.path / f"f{number}").touch()
    copy.commit("Many")
    copy.push("main")
    assert len(world.api("GET", "repository/tree").json()) == 20
    answer = world.api("GET", "repository/tree?per_page=500")
    assert len(answer.json()) == 100
    assert "page=2" in answer.links["next"]["url"]


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("ref=nope", "404 Tree Not Found"),
        (f"ref={'a' * 40}", "404 Tree Not Found"),
        ("path=nope", "404 invalid revision or path Not Found"),  # since 17.7; before that an empty list
    ],
)
def test_a_tree_that_is_not_there_is_404(world: World, query: str, said: str):
    assert refused(world, f"repository/tree?{query}") == (404, {"message": said})


def test_an_empty_repository_has_no_tree_and_no_file(world: World):
    assert refused(world, "repository/tree") == (404, {"message": "404 Tree Not Found"})
    assert refused(world, "repository/files/README.md/raw") == (404, {"message": "404 Commit Not Found"})


# ------------------------------------------------------------------------------------------------ a raw file


@pytest.mark.parametrize("name", ["a b.txt", "50%.txt", "a+b?.txt", "#1.txt", "ümläut.txt", "a;b&c=d.txt"])
def test_a_raw_file_of_any_name_is_its_bytes(world: World, copy: Copy, name: str):
    copy.git("checkout", "--quiet", "main")
    (copy.path / "src").mkdir()
    (copy.path / "src" / name).write_bytes(b"\x00\xff\r\n")
    copy.commit("Named")
    copy.push("main")
    for encoded in (quote(f"src/{name}", safe=""), quote(f"src/{name}", safe="").replace(".", "%2E")):
        assert world.api("GET", f"repository/files/{encoded}/raw").content == b"\x00\xff\r\n"


@pytest.mark.usefixtures("copy")
def test_a_path_that_is_not_encoded_is_no_address(world: World):
    assert world.api("GET", "repository/files/src/README.md/raw").status_code == 404


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize("ref", ["topic%2Fone", "HEAD", ""])
def test_a_raw_file_is_of_a_branch_or_of_the_default_one(world: World, ref: str):
    query = f"?ref={ref}" if ref else ""
    assert world.api("GET", f"repository/files/README.md/raw{query}").content == b"# Fruits\n"


def test_a_raw_file_of_git_lfs_is_its_pointer(world: World, copy: Copy):
    copy.git("checkout", "--quiet", "main")
    copy.commit("Large", model__bin=POINTER)
    copy.push("main")
    assert world.api("GET", "repository/files/model.bin/raw").text == POINTER


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("nope.txt/raw", (404, {"message": "404 File Not Found"})),
        ("README.md/raw?ref=nope", (404, {"message": "404 Commit Not Found"})),
        ("..%2Fsecret/raw", (400, {"error": "file_path should be a valid file path"})),
    ],
)
def test_a_raw_file_that_cannot_be_had_is_refused(world: World, path: str, answer: tuple[int, dict[str, str]]):
    assert refused(world, f"repository/files/{path}") == answer


# ------------------------------------------------------------------------------------------------ compare

DIFF = {
    "diff",
    "collapsed",
    "too_large",
    "new_path",
    "old_path",
    "a_mode",
    "b_mode",
    "new_file",
    "renamed_file",
    "deleted_file",
    "generated_file",
}


def test_a_comparison_has_the_commits_and_how_each_file_differs(world: World, copy: Copy):
    body = world.api("GET", "repository/compare?from=main&to=topic%2Fone").json()
    assert set(body) == {"commit", "commits", "diffs", "compare_timeout", "compare_same_ref", "web_url"}
    assert body["commit"] == body["commits"][-1]
    assert body["commit"]["id"] == copy.head()
    (diff,) = body["diffs"]
    assert set(diff) == DIFF
    assert diff["diff"] == "@@ -0,0 +1 @@\n+more\n"
    assert (diff["new_path"], diff["a_mode"], diff["b_mode"], diff["new_file"]) == ("more.txt", "0", "100644", True)
    assert (body["compare_timeout"], body["compare_same_ref"]) == (False, False)


def test_a_file_that_was_moved_is_one_difference_with_two_paths(world: World, copy: Copy):
    copy.git("mv", "README.md", "READ.md")
    copy.commit("Moved")
    copy.push("topic/one")
    body = world.api("GET", "repository/compare?from=main&to=topic%2Fone").json()
    moved = next(diff for diff in body["diffs"] if diff["renamed_file"])
    assert (moved["old_path"], moved["new_path"], moved["diff"]) == ("README.md", "READ.md", "")


@pytest.mark.usefixtures("copy")
def test_backwards_there_is_a_difference_only_when_it_is_straight(world: World):
    """Without `straight` it is from the merge base, which is what one goes back to."""
    back = world.api("GET", "repository/compare?from=topic%2Fone&to=main").json()
    assert (back["commit"], back["commits"], back["diffs"]) == (None, [], [])
    straight = world.api("GET", "repository/compare?from=topic%2Fone&to=main&straight=true").json()
    assert [(diff["new_path"], diff["deleted_file"]) for diff in straight["diffs"]] == [("more.txt", True)]
    assert straight["commits"] == []


@pytest.mark.usefixtures("copy")
def test_a_ref_beside_itself_is_the_same(world: World):
    body = world.api("GET", "repository/compare?from=main&to=main").json()
    assert (body["commits"], body["diffs"], body["compare_same_ref"]) == ([], [], True)


@pytest.mark.usefixtures("copy")
@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("from=main", (400, {"error": "to is missing"})),
        ("", (400, {"error": "from is missing, to is missing"})),
        ("from=main&to=main&straight=maybe", (400, {"error": "straight is invalid"})),
        ("from=nope&to=main", (404, {"message": "404 Ref Not Found"})),
        ("from=main&to=nope", (404, {"message": "404 Ref Not Found"})),
    ],
)
def test_what_cannot_be_compared_is_refused(world: World, query: str, answer: tuple[int, dict[str, str]]):
    assert refused(world, f"repository/compare?{query}") == answer


def test_of_a_large_difference_patches_are_collapsed_and_then_files_left_out(world: World, copy: Copy):
    """1,000 files by default ("Maximum diff files"); from a tenth of that on they are collapsed."""
    for number in range(MOST_FILES):
        (copy.path / f"f{number:04}").write_text("x\n")
    copy.commit("Very many")
    copy.push("topic/one")
    body = world.api("GET", "repository/compare?from=main&to=topic%2Fone").json()
    assert len(body["diffs"]) == MOST_FILES
    assert body["compare_timeout"] is True
    assert [diff["collapsed"] for diff in body["diffs"]].index(True) == SHOWN_FILES
    assert {diff["diff"] for diff in body["diffs"] if diff["collapsed"]} == {""}
    assert len(body["commits"]) == 2
