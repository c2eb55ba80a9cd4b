"""What the page asks of the local Slack and is told by it; nobody else's page may."""

import urllib.error
import urllib.request

import pytest
from websockets.sync.client import connect

from tests.contract.local_slack import ALICE, BOB, CHANNEL
from tests.contract.slack_stand_in.talk import CARD, hear, page, texts


def test_the_page_knows_who_it_is_and_what_can_be_typed(slack):
    slack.links.append(("Project on the local GitLab", "http://127.0.0.1:1/team/fruits"))
    state = page(slack, "/sandbox/state")
    assert (state["team"]["name"], state["me"]["name"]) == ("Orchard", "alice")
    assert [channel["name"] for channel in state["channels"]] == ["training", "random", "Stationmaster"]
    assert state["commands"][0] == {
        "command": "/train",
        "usage_hint": "<branch> <tag>",
        "description": "Train a model and release it",
    }
    assert state["links"] == [{"text": "Project on the local GitLab", "url": "http://127.0.0.1:1/team/fruits"}]
    assert page(slack, f"/sandbox/state?user={BOB}")["me"]["real_name"] == "Bob Baker"


def test_the_page_is_told_at_once_and_whispers_reach_their_person_only(slack, client):
    place = f"{slack.url.replace('http', 'ws')}/sandbox/live?user="
    with connect(place + ALICE) as hers, connect(place + BOB) as his:
        assert hear(hers) == hear(his) == {"type": "app", "connected": False}
        client.chat_postEphemeral(channel=CHANNEL, user=ALICE, text="psst")
        root = client.chat_postMessage(channel=CHANNEL, text="root")["ts"]
        client.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=root)
        heard = [hear(his) for _ in range(3)]
        assert [(each["type"], each["message"]["text"]) for each in heard] == [
            ("message", "root"),
            ("message", "reply"),
            ("changed", "root"),
        ]
        assert heard[2]["message"]["reply_count"] == 1
        assert hear(hers)["message"]["ephemeral"]


def test_the_page_reads_a_channel_and_a_thread(slack, client):
    root = client.chat_postMessage(channel=CHANNEL, text="root", blocks=CARD)["ts"]
    client.files_upload_v2(channel=CHANNEL, thread_ts=root, filename="curve.png", content=b"png")
    client.chat_postEphemeral(channel=CHANNEL, user=ALICE, text="psst")
    here = page(slack, f"/sandbox/messages?channel={CHANNEL}&user={ALICE}")["messages"]
    assert [(each["text"], each["reply_count"], each["bot"]) for each in here] == [("root", 1, True), ("psst", 0, True)]
    thread = page(slack, f"/sandbox/messages?channel={CHANNEL}&user={BOB}&thread_ts={root}")["messages"]
    assert thread[1]["files"][0]["url"].startswith("/files/")
    assert len(page(slack, f"/sandbox/messages?channel={CHANNEL}&user={BOB}")["messages"]) == 1


def test_the_page_posts_and_dismisses(slack, client):
    ts = page(slack, "/sandbox/post", {"user": BOB, "channel": CHANNEL, "text": "hello"})["ts"]
    page(slack, "/sandbox/post", {"user": BOB, "channel": CHANNEL, "text": "again", "thread_ts": ts})
    assert texts(slack.thread(CHANNEL, ts)) == ["hello", "again"]
    client.chat_postEphemeral(channel=CHANNEL, user=ALICE, text="psst")
    whisper = slack.ephemerals("alice")[0].ephemeral_id
    page(slack, "/sandbox/dismiss", {"user": BOB, "ephemeral_id": whisper})
    assert len(slack.ephemerals("alice")) == 1
    page(slack, "/sandbox/dismiss", {"user": ALICE, "ephemeral_id": whisper})
    assert slack.ephemerals("alice") == []


@pytest.mark.parametrize("headers", [{"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example"}])
def test_no_other_sites_page_can_type(slack, headers):
    with pytest.raises(urllib.error.HTTPError, match=r"403|400"):
        page(slack, "/sandbox/post", {"user": BOB, "channel": CHANNEL, "text": "hello"}, **headers)
    assert slack.messages() == []


def test_nothing_but_the_page_is_served(slack):
    for path in ("/sandbox.py", "/page_api.py", "/page-none.js", "/..%2fpage.html"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(slack.url + path)
