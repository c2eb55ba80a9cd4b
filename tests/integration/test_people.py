"""What people do, in a real browser before the whole bot; and the README's pictures of it (`make screenshots`)."""

import json
import os
import re
import textwrap
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.integration.browser import Pages
from tests.scenario.tiny_project import PIPELINE
from tests.scenario.world import TinyWorld

pytestmark = pytest.mark.browser

SHOTS = Path(os.environ.get("SCREENSHOTS", "build/screenshots"))
SLOW = 90_000
"""Milliseconds that GitLab, the bot, a training and Slack together may take on a busy machine."""
SHARP = 1.3
"""Pixels of a picture for each of the page."""
ONE_MORE_METRIC = "    metrics:\n      - metrics.json:\n          cache: false\n"
PLOTTED = "    plots:\n      - plots\n    metrics:\n"
PLOTS = """\
    plots:
      - Learning curves:
          x: epoch
          y:
            plots/train.tsv: accuracy
            plots/validation.tsv: accuracy
    """
TRAIN = """\
    import json, math, pathlib, time

    train = json.loads(pathlib.Path("params.json").read_text())["train"]
    with open(train["diary"], "a") as diary:
        diary.write(f"{train['seed']}\\n")
    curves = {"train": "epoch\\taccuracy\\n", "validation": "epoch\\taccuracy\\n"}
    for folder in ("live", "plots"):
        pathlib.Path(folder).mkdir(exist_ok=True)
    for epoch in range(1, train["epochs"] + 1):
        print(f"Epoch {epoch}/{train['epochs']}", flush=True)
        missing = 0.8 * math.exp(-epoch * train["width"] / 100)
        reached = {"train": 1 - missing, "validation": 0.96 - missing}
        for name, value in reached.items():
            curves[name] += f"{epoch}\\t{value:.4f}\\n"
        loss = round(-math.log(reached["train"]), 4)
        values = {"accuracy": round(reached["train"], 4), "val_accuracy": round(reached["validation"], 4), "loss": loss}
        pathlib.Path("live/metrics.json").write_text(json.dumps({"step": epoch - 1, **values}))
        time.sleep(0.4)
    for name, text in curves.items():
        pathlib.Path(f"plots/{name}.tsv").write_text(text)
    while not pathlib.Path("GATE").exists():
        time.sleep(0.02)
    pathlib.Path("model.txt").write_text(f"{train['seed']} " + pathlib.Path("ready.txt").read_text())
    """
FAILS_ONCE = """
    been_here = pathlib.Path(train["diary"]).with_name("been-here")
    if not been_here.exists():
        been_here.touch()
        raise SystemExit("cannot reach the licence server")
    """


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with TinyWorld(tmp_path_factory.mktemp("world")) as world, world.serving():
        world.project.branch("plain")
        yield world


@pytest.fixture
def pages(world, browser):
    with Pages(browser, world.slack.url) as pages:
        yield pages


def with_curves(world, branch, *, epochs, width, gate=False):
    """A branch whose training is worth a picture."""
    world.project.branch(branch, epochs=epochs, gate=gate)
    train = json.loads(world.show(branch, "params.json"))["train"]
    opens = train.pop("gate") or "src"
    pipeline = textwrap.dedent(PIPELINE).replace(ONE_MORE_METRIC, "").replace("    metrics:\n", PLOTTED)
    files = {
        ".gitignore": "/ready.txt\n/model.txt\n/live\n/out\n/plots\n",
        "dvc.yaml": pipeline + textwrap.dedent(PLOTS),
        "params.json": json.dumps({"train": {**train, "width": width}}),
        "src/export.sh": "mkdir -p out; cp model.txt out/model.onnx; cp ready.txt out/model.config\n",
        "src/train.py": textwrap.dedent(TRAIN).replace("GATE", opens),
    }
    world.project.change(branch, files, "Learning curves")


@pytest.fixture(scope="module")
def first(world):
    """There is a release of main already."""
    with_curves(world, "main", epochs=4, width=24)
    world.types("alice", "/train main v1.0.0")
    return world.until_over("v1.0.0")


def test_from_the_form_to_the_release_and_what_is_new_in_it(world, first, pages):
    with_curves(world, "feature/wider", epochs=8, width=32, gate=True)
    alice = pages.open("alice", width=800, height=1000, scale=SHARP)
    alice.type("/train")
    expect(alice.modal).to_contain_text("Nothing changed since v1.0.0", timeout=SLOW)
    alice.search("Branch", "wid", "feature/wider")
    expect(alice.modal).to_contain_text("Branch: feature/wider at", timeout=SLOW)
    alice.fill("Tag", "v1.1.0")
    alice.submit()
    expect(alice.modal).to_be_hidden(timeout=SLOW)
    card = alice.message("feature/wider → v1.1.0")
    expect(card).to_contain_text("epoch 8 of 8", timeout=SLOW)
    expect(card.get_by_role("button", name="Cancel")).to_be_visible()
    assert alice.nameless() == []
    alice.picture(card, SHOTS / "card.png")

    world.project.open_gate("feature/wider")
    expect(card).to_contain_text("Released", timeout=SLOW)
    page = card.get_by_role("link", name="Open the release v1.1.0").get_attribute("href")
    assert page == world.releases()["v1.1.0"]["_links"]["self"]
    alice.page.set_viewport_size({"width": 1600, "height": 1150})
    alice.open_thread("feature/wider → v1.1.0")
    end = alice.reply("is released")
    expect(end).to_contain_text("Alice")
    curves = alice.thread.get_by_role("img", name=re.compile("curves", re.IGNORECASE))
    expect(curves).to_have_count(1, timeout=SLOW)
    assert alice.nameless() == []
    assert alice.faint() == []
    alice.picture(alice.thread, SHOTS / "thread.png")

    alice.press("Compare", end)
    compared = alice.reply("beside")
    expect(compared).to_contain_text("v1.0.0 (run 1, main) beside v1.1.0 (run 2, feature/wider)", timeout=SLOW)
    expect(compared).to_contain_text("train.epochs")
    expect(curves).to_have_count(2, timeout=SLOW)


def test_a_run_is_cancelled_only_after_the_question_whether_that_is_meant(world, pages):
    world.project.branch("feature/dropout", gate=True, start="plain")
    alice = pages.open("alice")
    alice.type("/train feature/dropout v2.0.0")
    card = alice.message("feature/dropout → v2.0.0")
    expect(card).to_contain_text("Training", timeout=SLOW)
    alice.press("Cancel", card)
    expect(alice.question).to_contain_text("v2.0.0 will not be released")
    alice.press("Let it run", alice.question)
    expect(alice.question).to_be_hidden()
    assert not world.thread("v2.0.0").terminal
    alice.press("Cancel", card)
    alice.press("Cancel the run", alice.question)
    expect(card).to_contain_text("Cancelled.", timeout=SLOW)
    expect(card.get_by_role("button", name="Cancel")).to_have_count(0)
    alice.open_thread("feature/dropout → v2.0.0")
    expect(alice.reply("was cancelled")).to_contain_text("v2.0.0 is still free", timeout=SLOW)
    assert "v2.0.0" not in world.tags()


def test_a_training_that_failed_is_retried_to_its_release_with_one_press(world, pages):
    world.project.branch("feature/mixup", script=FAILS_ONCE, start="plain")
    alice = pages.open("alice")
    alice.type("/train feature/mixup v3.0.0")
    failed = alice.message("feature/mixup → v3.0.0")
    expect(failed).to_contain_text("Failed in train", timeout=SLOW)
    alice.open_thread("feature/mixup → v3.0.0")
    end = alice.reply("failed in the stage train")
    expect(end).to_contain_text("cannot reach the licence server", timeout=SLOW)
    number = world.thread("v3.0.0").number
    alice.press("Retry", end)
    again = alice.message(f"Retry of run {number}")
    expect(again).to_contain_text("Released", timeout=SLOW)
    assert "v3.0.0" in world.releases()
    alice.press("Retry", end)
    expect(alice.thread).to_contain_text("tried again", timeout=SLOW)


def test_two_people_see_the_same_card_and_each_may_end_only_their_own_run(world, pages):
    world.project.branch("bobs", gate=True, start="plain")
    alice, bob = pages.open("alice"), pages.open("bob")
    bob.type("/train bobs v4.0.0")
    for person in (alice, bob):
        expect(person.message("bobs → v4.0.0")).to_contain_text("Training", timeout=SLOW)
    alice.press("Cancel", alice.message("bobs → v4.0.0"))
    alice.press("Cancel the run", alice.question)
    refusal = "only they or an admin can cancel it"
    expect(alice.message(refusal)).to_contain_text("belongs to bob", timeout=SLOW)
    expect(bob.messages.filter(has_text=refusal)).to_have_count(0)
    bob.press("Cancel", bob.message("bobs → v4.0.0"))
    bob.press("Cancel the run", bob.question)
    for person in (alice, bob):
        expect(person.message("bobs → v4.0.0")).to_contain_text("Cancelled.", timeout=SLOW)


def test_home_shows_my_things_and_keeps_what_i_choose(world, first, pages):
    world.project.branch("feature/augment", gate=True, start="plain")
    alice = pages.open("alice", width=800, height=1100, scale=SHARP)
    alice.type("/train feature/augment v1.2.0")
    expect(alice.message("feature/augment → v1.2.0")).to_contain_text("Training", timeout=SLOW)
    alice.open_home()
    expect(alice.home).to_contain_text("v1.2.0", timeout=SLOW)
    alice.home.get_by_role("button", name="Hold the machine alice", exact=True).click()
    expect(alice.home.get_by_role("button", name="Release the machine alice")).to_be_visible(timeout=SLOW)
    alice.home.get_by_label("Tell me in a direct message when a run of mine ends").check()
    alice.home.get_by_role("combobox").select_option(label="18:00")
    assert alice.nameless() == []
    assert alice.faint() == []
    last = alice.home.get_by_text("lists everything that you can type")
    alice.page.set_viewport_size({"width": 800, "height": 2_000})  # all of it in sight, to see where it ends
    height = last.evaluate("node => node.getBoundingClientRect().bottom")
    alice.page.set_viewport_size({"width": 800, "height": round(height) + 24})
    alice.picture(alice.home, SHOTS / "home.png")

    alice.page.reload()
    expect(alice.home.get_by_label("Tell me in a direct message when a run of mine ends")).to_be_checked(timeout=SLOW)
    expect(alice.home.get_by_role("combobox")).to_have_value("18")
    world.project.open_gate("feature/augment")
    world.until_over("v1.2.0")
    assert any("v1.2.0" in said for said in world.direct("alice"))
