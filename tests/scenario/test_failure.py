"""A training that fails: the thread says where, why, and what was said last; nothing is released."""

import json
import os
import signal

import pytest

from tests.scenario.waiting import until

LOUD = """
    for line in range(40):
        print(f"line {line} of the training", flush=True)
    raise ValueError("no optimiser is called sgdd")
    """
HOSTILE = r"""
    import sys
    out = sys.stdout.buffer
    out.write(b"x" * 100_000 + b"\n")
    out.write("<!channel> <@U000000BOB> look <http://example.com|here> &amp; *bold* ``` `code`\n".encode())
    out.write(b"\x1b[31mred\x1b[0m \x1b]0;title\x07 done\r\n")
    out.write(b"\xff\xfe\xc3( broken \x00\x08 text\n")
    out.flush()
    sys.exit(3)
    """


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


@pytest.fixture(scope="module")
def failed(world, bot):
    world.project.branch("feature/loud", script=LOUD)
    world.types("alice", "/train feature/loud v1.0.0")
    return world.until_over("v1.0.0")


def test_the_thread_names_the_stage_and_the_cause(failed):
    assert "failed in the stage `train`" in failed.last_word
    assert "The project's own code failed." in failed.last_word
    assert "<@U0000ALICE>" in failed.last_word
    assert "*Failed in train" in failed.headline


def test_the_thread_has_the_last_fifteen_lines(failed):
    (tail,) = [part.split("```")[0] for part in failed.last_word.split("```")[1:2]]
    lines = tail.splitlines()
    assert len(lines) == 15
    assert "ValueError: no optimiser is called sgdd" in lines[-1]
    assert "line 39 of the training" in tail


def test_the_thread_has_the_full_log_as_a_file(world, failed):
    content = world.until_log("v1.0.0").decode()
    assert [line for line in content.splitlines() if line.startswith("line ")] == [
        f"line {number} of the training" for number in range(40)
    ]
    assert "ValueError: no optimiser is called sgdd" in content


def test_nothing_is_tagged_committed_or_released(world, failed):
    assert world.tags() == set()
    assert world.releases() == {}
    assert world.log("feature/loud")[0] == "Begin feature/loud"


def test_the_thread_says_what_to_do_next(failed):
    assert "`/train feature/loud v1.0.0`" in failed.last_word


def test_the_machine_is_free_for_the_next_run_and_the_tag_too(world, failed):
    world.types("alice", "/train main v1.0.0")
    released = world.until_card("v1.0.0", "main →")
    assert released.number == failed.number + 1
    assert "is released" in world.until_over("v1.0.0").last_word


@pytest.fixture(scope="module")
def hostile(world, failed):
    world.project.branch("feature/hostile", script=HOSTILE)
    world.types("alice", "/train feature/hostile v6.6.6")
    return world.until_over("v6.6.6")


def test_hostile_output_pings_nobody_but_the_person_who_asked(hostile):
    assert [ping for reply in hostile.replies for ping in reply.pings] == ["U0000ALICE"]
    assert "<!channel>" not in hostile.text
    assert "&lt;!channel&gt;" in hostile.last_word
    assert "<http://example.com" not in hostile.text


def test_hostile_output_is_cut_and_cleaned_of_control_characters(hostile):
    assert len(hostile.last_word) < 10_000
    assert not [character for character in hostile.text if ord(character) < 32 and character != "\n"]
    assert "red" in hostile.last_word
    assert "[31m" not in hostile.last_word


def test_hostile_output_is_whole_in_the_log_file(world, hostile):
    content = world.until_log("v6.6.6")
    assert b"x" * 100_000 in content
    assert b"\xff\xfe\xc3( broken" in content


def test_a_stage_that_was_killed_from_outside_is_named(world, hostile):
    world.project.branch("killed", script="import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    world.types("bob", "/train killed k1")
    said = world.until_over("k1").last_word
    assert "failed in the stage `train`" in said
    assert "killed" in said


def test_a_machine_on_which_everything_was_killed_is_noticed(world, hostile):
    world.project.branch("lost-power", gate=True)
    world.types("bob", "/train lost-power p1")
    world.until_training("lost-power")
    folder = world.run_folder(world.until_card("p1").number, "bob")
    until(lambda: b"Epoch 2/2" in (folder / "log").read_bytes(), "the training has said what it says")
    (keeper,) = folder.glob("jobs/*-repro-1/supervisor.json")
    os.kill(json.loads(keeper.read_text())["pid"], signal.SIGKILL)
    thread = world.until_over("p1")
    assert "killed from outside" in thread.last_word
    assert "p1" not in world.tags()
    assert b"Epoch 2/2" in world.until_log("p1")


def test_data_that_is_not_on_the_remote_is_named_before_anything_is_trained(world, hostile):
    world.project.lose_data("lost")
    world.types("bob", "/train lost l1")
    said = world.until_over("l1").last_word
    assert "not on the remote" in said
    assert "dvc push" in said
    assert world.project.trainings("lost") == 0


def test_a_pipeline_that_cannot_be_read_is_named(world, hostile):
    world.project.branch("typo")
    world.project.change("typo", {"dvc.yaml": "stages:\n  train:\n    comand: python\n"})
    world.types("bob", "/train typo t1")
    assert "The pipeline's description is not valid." in world.until_over("t1").last_word
