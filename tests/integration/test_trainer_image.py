"""The inputs of a branch's image, read from a real git by a real `prepare`, and put aside for the build."""

from __future__ import annotations

import pytest

from tests.integration.trainer_world import World, git

DOCKERFILE = "ARG BASE\nFROM ${BASE}\nCOPY requirements*.txt /\nCOPY src /src\n"


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, str(tmp_path / "store")).make()
    world.write("requirements.txt", "dvc\n")
    world.write("Dockerfile.train", DOCKERFILE)
    world.commit("An image of its own")
    return world


def prepared(world, *arguments, **spec):
    """The `image` event of a run at the branch's tip, and the files that were put aside."""
    run = world.new_run(**spec)
    assert run.step("prepare", build_arguments=list(arguments)) == 0, run.log()
    (event,) = run.events("image")
    context = run.run_dir / "context"
    return event, sorted(str(path.relative_to(context)) for path in context.rglob("*") if not path.is_dir())


def test_an_image_is_built_from_its_dockerfile_and_what_that_copies(world):
    event, files = prepared(world)
    assert files == ["Dockerfile.train", "requirements.txt", "src/train.py"]
    assert len(event["inputs"]) == 64
    assert list(event["parts"]) == ["requirements*.txt", "src", "Dockerfile.train", "the build arguments"]


def test_the_same_inputs_have_the_same_digest_whatever_else_changed(world):
    before, _ = prepared(world)
    world.change(params_yaml="train:\n  epochs: 4\n")
    assert prepared(world)[0] == before


@pytest.mark.parametrize(
    ("path", "part"),
    [("requirements.txt", "requirements*.txt"), ("src/new.py", "src"), ("Dockerfile.train", "Dockerfile.train")],
)
def test_a_changed_input_changes_the_digest_and_its_own_part(world, path, part):
    before, _ = prepared(world)
    world.write(path, (world.hand / path).read_text() + "# more\n" if (world.hand / path).exists() else "new\n")
    world.commit("A change")
    after, _ = prepared(world)
    assert after["inputs"] != before["inputs"]
    assert [name for name in after["parts"] if after["parts"][name] != before["parts"].get(name)] == [part]


def test_a_file_s_mode_and_the_build_arguments_are_inputs_too(world):
    before, _ = prepared(world)
    other, _ = prepared(world, "BASE=other")
    assert other["inputs"] != before["inputs"]
    (world.hand / "src/train.py").chmod(0o755)
    world.commit("A program")
    after, _ = prepared(world)
    assert after["inputs"] != before["inputs"]


def test_what_the_dockerignore_leaves_out_is_not_put_aside(world):
    world.write("Dockerfile.train", "FROM scratch\nCOPY . /\n")
    world.write(".dockerignore", "*\n!src\n")
    world.commit("All of it")
    event, files = prepared(world)
    assert files == [".dockerignore", "Dockerfile.train", "src/train.py"]
    world.change(params_yaml="train:\n  epochs: 4\n")
    assert prepared(world)[0] == event


def test_a_branch_without_a_dockerfile_has_no_image_of_its_own(world):
    git(world.hand, "rm", "--quiet", "Dockerfile.train")
    world.commit("No image")
    event, files = prepared(world)
    assert event["inputs"] is None
    assert files == []


def test_where_no_image_is_built_nothing_is_read_for_one(world):
    run = world.new_run()
    assert run.step("prepare") == 0
    assert run.events("image") == []
    assert not (run.run_dir / "context").exists()


def test_what_a_training_left_in_the_workspace_is_not_built(world):
    run = world.new_run()
    run.step("prepare")
    (world.repo / "src" / "train.py").write_text("evil\n")
    (world.repo / "src" / "planted.py").write_text("evil\n")
    _, files = prepared(world)
    assert "src/planted.py" not in files
    assert "evil" not in (world.workdir / "runs" / "2-abcd" / "context" / "src" / "train.py").read_text()


def test_a_run_that_only_makes_an_image_moves_no_data_and_needs_no_pipeline(world):
    git(world.hand, "rm", "--quiet", "dvc.yaml")
    world.commit("No pipeline yet")
    _, files = prepared(world, kind="build")
    assert "Dockerfile.train" in files
    assert not world.repo.exists()


@pytest.mark.parametrize("target", ["/etc/shadow", "../../etc/shadow", "../x/../../y", "here/../../y"])
def test_a_link_that_may_lead_out_of_the_repository_is_refused(world, target):
    (world.hand / "src" / "link").symlink_to(target)
    world.commit("A link")
    run = world.new_run()
    assert run.step("prepare", build_arguments=[]) == 1
    assert run.failure()["cause"] == "image"
    assert "src/link is a symbolic link" in run.failure()["message"]


def test_with_a_link_among_them_all_files_are_inputs(world):
    (world.hand / "src" / "params.yaml").symlink_to("../params.yaml")
    world.commit("A link inside")
    event, files = prepared(world)
    assert "params.yaml" in files
    assert "the repository" in event["parts"]


def test_a_dockerfile_that_is_a_link_is_refused(world):
    (world.hand / "Dockerfile.train").unlink()
    (world.hand / "Dockerfile.train").symlink_to("src/train.py")
    world.commit("A link")
    run = world.new_run()
    assert run.step("prepare", build_arguments=[]) == 1
    assert "Dockerfile.train is no regular file" in run.failure()["message"]


def test_a_second_try_of_the_step_puts_the_same_aside(world):
    run = world.new_run()
    for _ in range(2):
        assert run.step("prepare", build_arguments=[]) == 0
    first, second = run.events("image")
    assert first == second
    assert (run.run_dir / "context" / "Dockerfile.train").read_text() == DOCKERFILE
