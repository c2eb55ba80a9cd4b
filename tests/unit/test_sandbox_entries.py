"""What the local Slack makes of what people enter, before any app hears of it."""

import pytest

from bot.sandbox.slack.elements import find, state_of
from bot.sandbox.slack.entries import read, wrong

RED, GREEN = ({"text": {"type": "plain_text", "text": name}, "value": name[0]} for name in ("red", "green"))


def entry(kind, block_id="b", optional=False, **more):
    label = {"type": "plain_text", "text": "Label"}
    element = {"type": kind, "action_id": "a", **more}
    return {"type": "input", "block_id": block_id, "label": label, "element": element, "optional": optional}


def said(block, raw):
    """What is wrong with `raw` in this block; None when nothing is."""
    where = find([block], "a")
    held = {"b": {"a": {"type": where.kind, next(iter(state_of([block], {})["b"]["a"].keys() - {"type"})): raw}}}
    return wrong([block], state_of([block], held)).get("b")


@pytest.mark.parametrize(
    ("block", "value"),
    [
        (entry("plain_text_input", max_length=3), "abc"),
        (entry("number_input", is_decimal_allowed=False, min_value="1", max_value="3"), "3"),
        (entry("number_input", is_decimal_allowed=True), "-1.5"),
        (entry("email_text_input"), "a@b.example"),
        (entry("url_text_input"), "https://example.com/x"),
        (entry("multi_static_select", options=[RED, GREEN], max_selected_items=2), [RED, GREEN]),
        (entry("plain_text_input", optional=True), None),
    ],
)
def test_what_fits_is_right(block, value):
    assert said(block, value) is None


@pytest.mark.parametrize(
    ("block", "value", "sentence"),
    [
        (entry("plain_text_input"), None, "Please complete this required field."),
        (entry("checkboxes", options=[RED]), [], "Please complete this required field."),
        (entry("number_input", is_decimal_allowed=True), "many", "Please enter a number."),
        (
            entry("number_input", is_decimal_allowed=False, min_value="1"),
            "0",
            "Please enter a number greater than or equal to 1.",
        ),
        (
            entry("number_input", is_decimal_allowed=False, max_value="3"),
            "4",
            "Please enter a number less than or equal to 3.",
        ),
        (entry("url_text_input"), "example.com", "Please enter a valid URL."),
        (
            entry("multi_static_select", options=[RED, GREEN], max_selected_items=1),
            [RED, GREEN],
            "Please select no more than 1 items.",
        ),
    ],
)
def test_what_does_not_fit_is_said(block, value, sentence):
    assert said(block, value) == sentence


@pytest.mark.parametrize("raw", ["g", "green", GREEN])
def test_an_option_is_known_by_its_value_its_text_and_itself(raw):
    where = find([entry("static_select", options=[RED, GREEN])], "a")
    assert read(where, raw) == GREEN


def test_an_option_that_is_none_is_refused():
    where = find([entry("radio_buttons", options=[RED])], "a")
    with pytest.raises(ValueError, match="no blue to choose"):
        read(where, "blue")


def test_an_element_of_another_type_forgets_what_the_first_one_held():
    first = entry("plain_text_input", initial_value="at first")
    assert state_of([first], {})["b"]["a"]["value"] == "at first"
    held = {"b": {"a": {"type": "number_input", "value": "3"}}}
    assert state_of([first], held)["b"]["a"]["value"] == "at first"


def test_an_element_is_found_by_its_label_only_when_no_action_id_fits():
    blocks = [entry("plain_text_input", "first"), {**entry("plain_text_input", "second"), "label": {"text": "a"}}]
    assert find(blocks, "a").block["block_id"] == "first"
    assert find(blocks, "Label").block["block_id"] == "first"
    assert find(blocks, "a", "second").block["block_id"] == "second"
    assert find(blocks, "none") is None
