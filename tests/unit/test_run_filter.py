"""`/runs` with words: which runs, and page by page."""

import re
from dataclasses import replace

import pytest

from bot.errors import UserError
from commands.desk import Call, Press
from commands.run_filter import HINT, RunFilter, run_filter, unpacked
from commands.runs import COMMAND, SHOWN, turn_page
from tests.doubles.payloads import wrong_with_message
from tests.doubles.screens import FakeScreens
from tests.unit.test_commands import Office


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", RunFilter()),
        ("active", RunFilter()),
        ("mine", RunFilter("all", mine=True)),
        ("mine active", RunFilter("active", mine=True)),
        ("failed branch main", RunFilter("failed", branch="main")),
        ("by @bob on rack-1", RunFilter("all", user="bob", location="rack-1")),
        ("Released of feature/x", RunFilter("released", branch="feature/x")),
        ("all-projects", RunFilter("active", everywhere=True)),
        ("failed all-projects", RunFilter("failed", everywhere=True)),
    ],
)
def test_words_say_which_runs_are_meant(words, found):
    assert run_filter(words.split()) == found


@pytest.mark.parametrize("words", ["42", "v1.0.0", "#42"])
def test_a_number_or_a_tag_is_no_filter(words):
    assert run_filter(words.split()) is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("failed released", "Either `failed` or `released`"),
        ("mine branch", "After `branch` comes a name"),
        ("mine yesterday", f"does not know the word `yesterday`. {HINT}"),
    ],
)
def test_words_that_do_not_go_together_are_explained(words, sentence):
    with pytest.raises(UserError) as error:
        run_filter(words.split())
    assert sentence in str(error.value)


def test_a_button_carries_the_whole_filter():
    wanted = RunFilter("failed", user="J\u00fcrgen", branch="main", location="rack-1", before=17)
    assert unpacked(wanted.packed()) == wanted
    assert unpacked("[]") == unpacked("no json") == RunFilter()


def test_the_filters_choose(office):
    office.start()
    office.start("/train feature/x v2.0.0", "UBOB")
    office.start("/train main v3.0.0", "UBOB")
    office.put(1, phase="failed", reason="code", ended_at=office.clock.now())
    office.put(2, phase="released", ended_at=office.clock.now())
    for line, tags in {
        "/runs all": {"v1.0.0", "v2.0.0", "v3.0.0"},
        "/runs failed": {"v1.0.0"},
        "/runs by bob": {"v2.0.0", "v3.0.0"},
        "/runs by bob@example.com released": {"v2.0.0"},
        "/runs branch main": {"v1.0.0", "v3.0.0"},
        "/runs on bob active": {"v3.0.0"},
        "/runs waiting": {"v3.0.0"},
    }.items():
        text = office.type(line)
        assert {tag for tag in ("v1.0.0", "v2.0.0", "v3.0.0") if tag in text} == tags, line
    assert "Nobody called `zoe` has trained here yet." in office.type("/runs by zoe")
    assert "Either `mine` or `by` somebody." in office.type("/runs mine by bob")


def test_a_name_is_no_pattern(office):
    office.start()
    assert "Nobody called `%`" in office.type("/runs by %")


def test_what_does_not_fit_is_on_the_next_page_and_no_run_is_left_out(office):
    screens = FakeScreens()
    desk = replace(office.desk, screens=screens)
    for number in range(SHOWN * 2 + 3):
        office.start(f"/train main v{number}.0.0")
    reply = COMMAND.handle(Call("UALICE", "C1", "", "t"), desk)
    pages = [reply.blocks]
    while (older := buttons(pages[-1]).get("Older")) is not None:
        assert turn_page(Press("UALICE", "runs-page", older, "t", address="there"), desk) is None
        pages.append(screens.replaced.pop("there").blocks)
        assert wrong_with_message("", pages[-1]) == []
    numbers = [int(number) for page in pages for number in re.findall(r"\*(\d+)\* ", page[0]["text"]["text"])]
    assert numbers == list(range(SHOWN * 2 + 3, 0, -1))
    assert [sorted(buttons(page)) for page in pages] == [["Older"], ["Newest", "Older"], ["Newest"]]
    turn_page(Press("UALICE", "runs-page", buttons(pages[-1])["Newest"], "t", address="there"), desk)
    assert screens.replaced["there"].blocks == pages[0]


def buttons(blocks):
    return {
        element["text"]["text"]: element["value"]
        for block in blocks
        if block["type"] == "actions"
        for element in block["elements"]
    }
