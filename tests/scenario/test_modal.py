"""`/train` without words: from an empty form to a release, and what the form says before anything is paid."""

import pytest

from tests.scenario.waiting import until


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


def words_in(view):
    """What a person reads in a modal beside its fields."""
    return "\n".join(block["text"]["text"] for block in view["blocks"] if block["type"] == "section")


def entered(view, block):
    """What stands in a field of the modal."""
    (field,) = view["state"]["values"][block].values()
    return field.get("value") or (field.get("selected_option") or {}).get("value")


def until_modal(world, *parts, user="alice"):
    """The person's modal, once it says all of that."""

    def says():
        view = world.slack.modal(user)
        return view if view and all(part in words_in(view) for part in parts) else None

    return until(says, f"the modal says {parts}", context=lambda: str(world.slack.modal(user)))


def test_from_an_empty_command_to_a_release(world):
    world.project.branch("topic")
    assert world.types("alice", "/train") == ""
    view = until_modal(world, "*Branch:* `main`")
    assert (entered(view, "branch"), entered(view, "tag")) == ("main", "v1.0.0")
    assert "3 of 3: `ready`, `train` and `export`" in words_in(view)

    assert world.slack.choose("alice", "Branch", "topic") == ""
    view = until_modal(world, "*Branch:* `topic`", "*Tag:* `v1.0.0` is free", "up to 8 bytes")
    assert "unknown: there is no past run to tell" in words_in(view)
    world.slack.fill("alice", "Tag", "v3.0.0")
    assert world.slack.press("alice", "Check again") == ""
    until_modal(world, "*Tag:* `v3.0.0` is free")
    assert world.starts() == 0

    assert world.slack.submit("alice") == {}
    assert world.slack.modal("alice") is None
    assert "is released" in world.until_over("v3.0.0").last_word
    assert world.project.trainings("topic") == 1


def test_what_is_released_already_is_said_and_not_started(world):
    starts = world.starts()
    assert world.types("alice", "/train topic") == ""
    view = until_modal(world, "Nothing changed since")
    assert "|v3.0.0>" in words_in(view)
    assert entered(view, "tag") == "v3.0.1"
    assert world.slack.submit("alice") == {"force": "Nothing changed since v3.0.0. Choose this to train all the same."}
    assert world.starts() == starts
    world.slack.close("alice")


def test_a_change_says_which_stages_would_run_and_that_the_data_is_there(world):
    world.project.retrain("topic")
    world.types("alice", "/train topic")
    view = until_modal(world, "2 of 3: `train` and `export`")
    assert "all of it is at the machine" in words_in(view)
    assert "*Time on the machine:* under a minute" in words_in(view)
    world.slack.close("alice")


def test_the_list_finds_branches_by_any_part_of_their_name(world):
    world.project.branch("feature/mobilenet")
    world.types("bob", "/train")
    until_modal(world, "*Branch:* `main`", user="bob")

    def found():
        return [option["value"] for option in world.slack.suggest("bob", "Branch", "mobile")]

    until(lambda: found() == ["feature/mobilenet"], "the new branch is found")
    world.slack.close("bob")


def test_a_tag_that_exists_is_refused_beside_its_field(world):
    world.types("alice", "/train main")
    until_modal(world, "*Branch:* `main`")
    world.slack.fill("alice", "Tag", "v3.0.0")
    assert "The next free one is v3.0.1" in world.slack.submit("alice")["tag"]
    world.slack.fill("alice", "Tag", "v3/0")
    assert world.slack.submit("alice") == {
        "tag": "The tag holds /: only letters, digits, dots, dashes and underscores are allowed."
    }
    world.slack.close("alice")
    assert world.thread("v3.0.1") is None
