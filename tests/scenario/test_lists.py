"""`/runs`, `/locations` and `/train-help`: what people ask beside a training; answered to them alone."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        assert "`/train main v1.0.0` starts one" in world.types("alice", "/runs")
        world.types("alice", "/train main v1.0.0")
        world.until_over("v1.0.0")
        world.project.branch("wrong", script="raise SystemExit(1)")
        world.types("bob", "/train wrong v2.0.0")
        world.until_over("v2.0.0")
        world.project.branch("going", gate=True)
        world.types("alice", "/train going v3.0.0")
        world.until_card("v3.0.0", "Training")
        yield bot
        world.project.open_gate("going")
        world.until_over("v3.0.0")


def numbers(said):
    return [line.split("*")[1] for line in said.splitlines() if line.startswith("*") and line[1].isdigit()]


@pytest.mark.parametrize(
    ("words", "shown"),
    [("", ["3"]), (" active", ["3"]), (" all", ["3", "2", "1"]), (" mine", ["3", "1"]), (" MINE", ["3", "1"])],
)
def test_runs_lists_them_newest_first(world, words, shown):
    assert numbers(world.types("alice", f"/runs{words}")) == shown


def test_runs_mine_is_about_the_caller(world):
    assert numbers(world.types("bob", "/runs mine")) == ["2"]


def test_a_line_says_state_branch_tag_person_and_links_to_the_thread(world):
    (line,) = [line for line in world.types("alice", "/runs all").splitlines() if line.startswith("*2*")]
    assert "Failed in train" in line
    assert "`wrong` → `v2.0.0`" in line
    assert "· bob ·" in line.replace("Bob Baker", "bob")
    assert f"/archives/C0TRAINING/p{world.thread('v2.0.0').card.ts.replace('.', '')}|thread>" in line


@pytest.mark.parametrize("words", ["1", "#1", "run 1", "v1.0.0", "`v1.0.0`"])
def test_one_run_is_shown_by_its_number_or_its_tag(world, words):
    said = world.types("bob", f"/runs {words}")
    assert "Run 1 · main → v1.0.0" in said
    assert world.releases()["v1.0.0"]["_links"]["self"] in said
    assert "loss" in said


def test_a_failed_run_is_shown_with_its_reason(world):
    said = world.types("bob", "/runs 2")
    assert "The project's own code failed." in said


def test_a_run_that_is_not_there_is_said_so(world):
    assert "There is no run 77" in world.types("bob", "/runs 77")
    assert "no run for the tag `v77`" in world.types("bob", "/runs v77")


def test_locations_says_whose_they_are_whether_they_are_on_and_who_has_them(world):
    said = world.types("alice", "/locations")
    first, second = said.split("*bob*")
    assert "*alice* · yours · on" in first
    assert "with run 3 (`v3.0.0`)" in first
    assert "of `bob@example.com`" in second
    assert "free" in second
    assert world.types("bob", "/locations").startswith("*bob* · yours")


def test_help_names_every_command_with_an_example_and_whom_to_ask(world):
    said = world.types("bob", "/train-help")
    for command in ("/train main v1.0.0", "/runs mine", "/cancel 42", "/locations", "/train-help"):
        assert f"`{command}`" in said
    assert "#ml-platform" in said


def test_only_the_caller_sees_the_answers(world):
    assert all(message.by_bot and "→" in message.text for message in world.slack.messages())
