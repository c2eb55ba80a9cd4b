"""What breaks around a run: every fault is survived or named, nothing is said or done twice, nothing is left behind."""

import itertools

import pytest

from tests.scenario.waiting import until

_numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


@pytest.fixture(autouse=True)
def all_is_well_again(world):
    yield
    world.slack.behave()
    world.gitlab.clear_faults()


@pytest.fixture
def begun(world):
    """A run whose training waits at its gate: what breaks after this breaks in the middle of it."""
    name = f"v1.0.{next(_numbers)}"
    world.project.branch(name, gate=True)
    world.types("alice", f"/train {name} {name}")
    world.until_training(name)
    world.until_card(name, "Training")
    yield name
    world.project.open_gate(name)  # whatever became of the test: the next one needs the machine


def finish(world, name):
    world.project.open_gate(name)
    return world.until_over(name)


def said_once(thread):
    """No line stands there twice, and the last one is the only that mentions somebody."""
    lines = [line for text in thread.lines[:-1] for line in text.splitlines()]
    assert len(lines) == len(set(lines)), lines
    assert "The result is saved" in "\n".join(lines)
    assert thread.lines[-1] == thread.last_word
    return True


# The start of a machine


def test_a_start_whose_answer_is_lost_is_not_repeated(world):
    world.aws.fault("StartInstances", "reset_after", times=2)
    world.project.branch("start")
    world.types("alice", "/train start v1.0.0")
    assert "is released" in world.until_over("v1.0.0").last_word
    assert world.starts("alice") == 1


@pytest.fixture(scope="module")
def without_capacity(world):
    """Bob's run, for whose machine there is no room; it takes its 45 seconds while the other tests go on."""
    world.aws.fault("StartInstances", "InsufficientInstanceCapacity", times=1000)
    world.project.branch("nowhere")
    world.types("bob", "/train nowhere b1")
    return world.until_card("b1", "no free machine of this kind")


def test_a_machine_without_capacity_says_so_on_the_card_at_once(without_capacity):
    assert "Trying again" in without_capacity.headline


# Slack


def test_slack_asking_to_wait_delays_messages_and_loses_none(world, begun):
    world.slack.fault("chat.postMessage", "429", times=4, retry_after=0.3)
    world.slack.fault("chat.update", "429", times=4, retry_after=0.3)
    thread = finish(world, begun)
    assert said_once(thread)
    assert "is released" in thread.last_word


def test_messages_whose_answer_was_lost_are_not_said_again(world, begun):
    world.slack.fault("chat.postMessage", "reset_after", times=3)
    thread = finish(world, begun)
    assert said_once(thread)
    assert "is released" in thread.last_word


def test_a_card_whose_answer_was_lost_is_not_posted_again(world):
    world.slack.fault("chat.postMessage", "reset_after", times=1)
    world.types("alice", "/train main c1")
    world.until_over("c1")
    assert len([thread for thread in world.threads() if "→ c1" in thread.headline]) == 1


@pytest.mark.parametrize("kind", ["429", "503", "reset_after"])
def test_a_log_whose_upload_fails_is_attached_once_all_the_same(world, kind):
    tag = f"log-{kind.replace('_', '-')}"
    world.project.branch(tag, script="raise SystemExit('wrong')")
    for method in ("files.getUploadURLExternal", "upload", "files.completeUploadExternal"):
        world.slack.fault(method, kind, retry_after=0.2)
    world.types("alice", f"/train {tag} {tag}")
    assert "failed in the stage `train`" in world.until_over(tag).last_word
    assert b"wrong" in world.until_log(tag)


def test_slack_being_away_does_not_touch_the_training_and_everything_is_said_in_order_after(world, begun):
    world.slack.fault("*", "503", times=10_000)
    world.project.open_gate(begun)
    until(lambda: begun in world.releases(), "the release is there while Slack is away")
    assert world.thread(begun).terminal == []
    world.slack.behave()
    thread = world.until_over(begun)
    assert said_once(thread)
    text = thread.text
    assert text.index("`train`, finished") < text.index("result is saved") < text.index("is released")


def test_commands_arrive_although_slack_renews_the_socket(world, begun):
    world.slack.disconnect("warning")
    assert f"`{begun}`" in world.types("alice", "/runs")
    world.slack.disconnect("refresh_requested")
    until(lambda: world.slack.connected, "a new socket is open")
    assert f"`{begun}`" in world.types("alice", "/runs")
    world.slack.cut_sockets()
    until(lambda: f"`{begun}`" in world.types("alice", "/runs"), "who types again after a socket broke is answered", 10)
    assert said_once(finish(world, begun))


def test_a_bot_that_is_thrown_out_of_the_channel_goes_on_in_a_direct_message(world, begun):
    world.slack.remove_bot("#training")
    world.project.open_gate(begun)
    until(lambda: begun in world.releases(), "the release is there")
    until(lambda: any("is released" in said for said in world.direct("alice")), "alice is told in a direct message")
    world.slack.type("alice", "/invite @Stationmaster")
    (card,) = [said for said in world.direct("alice") if "This is here because" in said]
    assert f"→ {begun}" in card
    assert len([said for said in world.direct("alice") if "is released" in said]) == 1


# GitLab


def test_a_release_whose_answer_was_lost_is_made_once(world, begun):
    world.gitlab.fault("POST", "/releases", "reset_after")
    thread = finish(world, begun)
    assert "is released" in thread.last_word
    assert [each["tag_name"] for each in world.api("releases")].count(begun) == 1


def test_gitlab_in_trouble_delays_the_check_of_a_command(world):
    world.gitlab.fault("GET", "/api/v4/.*branches", "502", times=2)
    world.types("alice", "/train main g1 --force")  # main is released as it is
    assert "is released" in world.until_over("g1").last_word


def test_gitlab_in_trouble_delays_the_release_and_the_card_says_so(world, begun):
    world.gitlab.fault("*", "/releases", "502", times=5)
    world.project.open_gate(begun)
    card = world.until_card(begun, "GitLab is in trouble (502")
    assert "Trying again" in card.headline
    assert "is released" in world.until_over(begun).last_word


def test_an_expired_token_is_tried_once_and_the_command_is_refused_with_a_sentence(world):
    world.gitlab.fault("*", "/api/v4/", "401", times=50)
    world.types("alice", "/train main e1")
    said = world.told("alice", "GitLab refused the token")
    assert "Nothing was started" in said
    assert pending(world) == 49


def test_a_token_that_expires_before_the_release_is_tried_once_and_named(world, begun):
    world.gitlab.fault("POST", "/releases", "401", times=50)
    thread = finish(world, begun)
    assert "A login was refused" in thread.last_word
    assert "The result itself is safe" in thread.last_word
    assert pending(world) == 49
    assert begun in world.tags()
    assert begun not in world.releases()


def test_a_token_that_may_not_fetch_is_tried_once_and_named(world):
    world.project.retrain("main")
    world.gitlab.fault("*", r"\.git/", "401", times=50)
    world.types("alice", "/train main f1")
    assert "A login was refused" in world.until_over("f1").last_word
    assert pending(world) >= 48
    assert "f1" not in world.tags()


def pending(world):
    return sum(fault["times"] for fault in world.gitlab._faults.pending())


# The public bucket


def test_a_link_that_the_public_may_not_read_is_a_failure_and_no_release(world, begun):
    with world.closed_to_the_public():
        thread = finish(world, begun)
    assert "The published file cannot be read by the public." in thread.last_word
    assert "answers 403" in thread.last_word
    assert "The result itself is safe" in thread.last_word
    assert begun not in world.releases()


def test_a_bucket_in_trouble_delays_the_release(world, begun):
    world.aws.fault("PutObject", "reset_after", times=1)
    world.aws.fault("PutObject", "SlowDown", times=3)
    assert "is released" in finish(world, begun).last_word
    assert world.public(world.public_link(begun))[0] == 200


# The end of what was begun first


def test_a_machine_without_capacity_is_named_in_the_thread_and_given_back(world, without_capacity):
    thread = world.until_over("b1")
    assert "the cloud has no free capacity of its kind just now" in thread.last_word
    assert "Nothing was charged" in thread.last_word
    assert world.power("bob") == "stopped"
    world.aws.forget_faults()
    world.types("bob", "/train nowhere b1")
    until(lambda: world.thread("b1").number > thread.number, "another run was begun")
    assert "is released" in world.until_over("b1").last_word


def test_after_all_of_this_nothing_was_said_or_attached_twice(world):
    world.until_all_is_said()
    assert world.threads()
    for thread in world.threads():
        lines = [line for text in thread.lines for line in text.splitlines() if line.strip()]
        assert len(lines) == len(set(lines)), thread.lines
        assert len(thread.terminal) <= 1, thread.lines  # none where the bot was thrown out of the channel
        assert len(thread.files) <= 1
