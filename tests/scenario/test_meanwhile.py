"""What others push while a training runs: nobody's commit is lost, no tag is moved."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


def begin(world, branch, tag):
    world.project.branch(branch, gate=True)
    world.types("alice", f"/train {branch} {tag}")
    world.until_training(branch)


def test_a_branch_that_moved_on_keeps_its_commits_and_the_result_comes_on_top(world):
    begin(world, "moved", "v1.0.0")
    theirs = world.project.change("moved", {"README.md": "# Hello\n"}, "Write a README")
    world.project.open_gate("moved")
    thread = world.until_over("v1.0.0")
    assert "is released" in thread.last_word
    assert world.log("moved", 3) == ["Train v1.0.0", "Write a README", "Begin moved"]
    assert world.commit_of("moved").parents == (theirs,)
    assert world.show("v1.0.0", "README.md") == "# Hello\n"
    assert "out/model.onnx" in world.show("v1.0.0", "dvc.lock")


def test_a_result_that_does_not_fit_any_more_comes_as_a_merge_request(world):
    begin(world, "diverges", "v2.1.0")
    theirs = world.project.change("diverges", {"src/train.py": "print('another idea')\n"})
    world.project.open_gate("diverges")
    thread = world.until_over("v2.1.0")
    own = f"train/run-{thread.number}"
    (request,) = world.api("merge_requests?state=opened")
    assert (request["source_branch"], request["target_branch"]) == (own, "diverges")
    assert request["web_url"] in thread.last_word
    assert "`diverges` moved on meanwhile" in thread.last_word
    assert world.commit_of("diverges").sha == theirs
    assert world.commit_of("v2.1.0").sha == world.commit_of(own).sha
    assert world.releases()["v2.1.0"]["tag_name"] == "v2.1.0"


def test_a_tag_that_somebody_made_meanwhile_is_left_as_it_is(world):
    begin(world, "tagged", "v3.0.0")
    world.project.tag("v3.0.0", "main")
    world.project.open_gate("tagged")
    thread = world.until_over("v3.0.0")
    assert "The tag v3.0.0 was made by somebody else meanwhile" in thread.last_word
    assert "another tag" in thread.last_word
    assert world.commit_of("v3.0.0").sha == world.commit_of("main").sha
    assert "v3.0.0" not in world.releases()
    assert world.log("tagged", 1) == ["Begin tagged"]


def test_a_branch_that_was_deleted_meanwhile_does_not_lose_the_result(world):
    begin(world, "deleted", "v4.0.0")
    world.project.delete("deleted")
    world.project.open_gate("deleted")
    thread = world.until_over("v4.0.0")
    assert "v4.0.0" in world.tags()
    assert "v4.0.0" in world.releases()
    assert f"train/run-{thread.number}" in world.branches()
    assert f"`train/run-{thread.number}`" in thread.last_word
    assert world.api(f"merge_requests?state=opened&source_branch=train/run-{thread.number}") == []
