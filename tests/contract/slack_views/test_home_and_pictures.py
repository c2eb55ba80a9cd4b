"""Home, what the page sends and is told, and pictures."""

import io
import json
import urllib.request

import pytest
from PIL import Image

from bot.sandbox.slack import SlackSandbox, Undelivered
from tests.contract.forms_app import FREE, modal, opened, option
from tests.contract.local_slack import ALICE, BOB, CHANNEL, refusal
from tests.doubles.block_kit import plain


def test_opening_home_tells_the_app_which_publishes_it(slack, app):
    home = slack.open_home("bob")
    event = app.hears()
    assert (event["type"], event["user"], event["tab"]) == ("app_home_opened", BOB, "home")
    assert home["type"] == "home"
    assert "view" not in event
    slack.open_home("bob")
    assert app.hears()["view"]["id"] == home["id"]
    slack.open_home("bob", "messages")
    assert app.hears()["tab"] == "messages"


def test_a_button_in_home_opens_a_modal(slack, app):
    slack.open_home("alice")
    app.views.put(modal([FREE]))
    assert slack.press("alice", "push", on="home") == ""
    assert slack.modal("alice")["title"]["text"] == "Train"


@pytest.mark.parametrize(
    ("method", "view"), [("views.publish", modal([FREE])), ("views.update", {"type": "home", "blocks": []})]
)
def test_a_view_of_the_wrong_kind_is_refused(app, method, view):
    call = {"user_id": ALICE, "view_id": "V1", "view": view}
    assert refusal(app.client.api_call, api_method=method, json=call) == "invalid_arguments"


# Events and pages


def test_an_event_that_nobody_takes_is_said_to_be_lost(tmp_path):
    with SlackSandbox(tmp_path) as slack, pytest.raises(Undelivered, match="dispatch_failed"):
        slack.send_event({"type": "app_mention"})


def page(slack, name, **body):
    request = urllib.request.Request(f"{slack.url}/sandbox/{name}", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_the_page_sends_what_its_elements_hold(slack, app):
    view = opened(slack, app)
    where = {"user": ALICE, "view_id": view["id"]}
    found = page(slack, "suggest", **where, block_id="branch", action_id="it", query="main")
    assert found["options"] == [option("main")]
    values = {"name": {"it": "wider"}, "epochs": {"it": "3"}, "branch": {"it": option("main")}}
    assert page(slack, "submit", **where, values={**values, "name": {"it": ""}})["errors"]["name"]
    assert page(slack, "submit", **where, values=values) == {"ok": True, "errors": {}}
    assert app.hears_last()["view"]["state"]["values"]["name"]["it"]["value"] == "wider"
    assert page(slack, "submit", **where) == {"ok": False, "error": "This is not open any more."}


def test_the_page_is_told_of_a_modal_and_of_home(slack, app):
    with slack.subscribe() as news:
        opened(slack, app, modal([FREE]))
        assert news.wait(lambda event: event["type"] == "modals")["modals"][0]["title"] == plain("Train")
        page(slack, "close", user=ALICE)
        assert news.wait(lambda event: event["type"] == "modals")["modals"] == []
        assert page(slack, "home", user=ALICE, tab="home") == {"ok": True, "heard": True}
        news.wait(lambda event: event["type"] == "home")
    with urllib.request.urlopen(f"{slack.url}/sandbox/state?user={ALICE}") as answer:
        state = json.load(answer)
    assert (state["modals"], state["home"]["type"]) == ([], "home")


# Pictures


def picture(width, height):
    target = io.BytesIO()
    Image.new("RGB", (width, height), "green").save(target, "PNG")
    return target.getvalue()


def test_a_picture_has_words_a_size_and_thumbnails_that_the_token_opens(slack, app):
    content = picture(800, 400)
    upload = app.client.files_upload_v2(
        channel=CHANNEL, filename="curve.png", content=content, title="Curve", alt_txt="Accuracy by epoch"
    )
    file = app.client.files_info(file=upload["file"]["id"])["file"]
    assert (file["mimetype"], file["alt_txt"]) == ("image/png", "Accuracy by epoch")
    assert (file["original_w"], file["original_h"], file["thumb_360_w"], file["thumb_360_h"]) == (800, 400, 360, 180)
    assert fetched(file["url_private"]) == content
    with Image.open(io.BytesIO(fetched(file["thumb_360"]))) as small:
        assert small.size == (360, 180)
    said = slack.messages()[-1]
    assert (said.files[0].alt, said.files[0].width) == ("Accuracy by epoch", 800)


def fetched(address):
    request = urllib.request.Request(address, headers={"Authorization": "Bearer xoxb-sandbox"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def test_what_is_called_a_picture_and_is_none_has_no_size(app):
    upload = app.client.files_upload_v2(channel=CHANNEL, filename="curve.png", content=b"no picture")
    assert "thumb_360" not in app.client.files_info(file=upload["file"]["id"])["file"]
