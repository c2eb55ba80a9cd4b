"""From the home tab to the end of a run: the machine's switches, what people and channels chose to hear, the note."""

import json
import urllib.request

import pytest

from tests.scenario.waiting import until
from tests.scenario.world import PROJECT, words_of


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


def home_of(world, user, *parts):
    """The person's home tab as text, once it says all of that."""

    def says():
        tab = world.slack.home_tab(user)
        text = json.dumps(tab["blocks"], ensure_ascii=False) if tab else ""
        return text if all(part in text for part in parts) else ""

    return until(says, f"the home tab of {user} says {parts}", context=lambda: str(world.slack.home_tab(user)))


def open_request(world, branch):
    """A merge request of the branch into main."""
    body = json.dumps({"source_branch": branch, "target_branch": "main", "title": "My idea"}).encode()
    request = urllib.request.Request(
        f"{world.gitlab.url}/api/v4/projects/{PROJECT.replace('/', '%2F')}/merge_requests",
        data=body,
        headers={"PRIVATE-TOKEN": "sandbox-alices-token", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def notes_of(world, request):
    return [note["body"] for note in world.api(f"merge_requests/{request['iid']}/notes")]


def test_home_shows_my_machine_and_its_buttons_work(world):
    world.slack.open_home("alice")
    home_of(world, "alice", "Your machine", "alice", "Hold 20 min", "What I tell you")
    assert world.slack.press("alice", "machine-hold", on="home") == ""
    home_of(world, "alice", "`alice` is yours for 20 minutes", "Release")
    assert world.slack.press("alice", "machine-release", on="home") == ""
    home_of(world, "alice", "Your hold on `alice` has ended")


def test_the_end_of_a_run_is_told_where_its_person_and_the_channels_chose(world):
    world.slack.type("bob", "/invite @Stationmaster", "#random")
    assert "From now on I tell this channel" in world.slack.type("bob", "/notify released idea", "#random")
    world.slack.choose("alice", "notify-me", "also-channel", "direct-message", on="home")
    world.project.branch("idea", gate=True)
    request = open_request(world, "idea")
    world.types("alice", "/train idea v1.0.0")
    world.until_training("idea")
    home_of(world, "alice", "`idea` → `v1.0.0`", "Cancel")
    world.project.open_gate("idea")
    thread = world.until_over("v1.0.0")
    assert thread.terminal[0].subtype == "thread_broadcast"
    world.until_all_is_said()
    assert [said for said in world.direct("alice") if "idea → v1.0.0" in said and "Released." in said]
    (elsewhere,) = [words_of(each) for each in world.slack.messages("#random") if each.by_bot and each.blocks]
    assert "idea → v1.0.0" in elsewhere
    home_of(world, "alice", "The team's releases", world.releases()["v1.0.0"]["_links"]["self"])
    (note,) = until(lambda: notes_of(world, request), "the merge request has its note")
    assert "**Released as [`v1.0.0`]" in note
    assert "loss` | `0.5`" in note


def test_the_note_of_the_merge_request_is_changed_by_the_next_run(world):
    world.project.retrain("idea")
    world.types("alice", "/train idea v1.1.0")
    world.until_over("v1.1.0")
    (request,) = world.api("merge_requests?state=opened&source_branch=idea")
    until(lambda: "`v1.1.0`" in notes_of(world, request)[0], "the note says so")
    assert len(notes_of(world, request)) == 1


def test_the_home_tab_is_kept_fresh_after_a_restart_too(world, bot):
    bot.stop()
    bot.start()
    world.types("bob", "/train main v2.0.0")
    world.until_over("v2.0.0")
    home_of(world, "alice", "v2.0.0")
