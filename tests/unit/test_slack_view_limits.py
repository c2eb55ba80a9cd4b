"""Slack's rules of modals, forms, Home and suggestions, each at its edge."""

import pytest

from bot.sandbox.slack.limits import check_options, check_view
from tests.doubles.block_kit import header, mrkdwn, options, plain, section


def modal(**more):
    return {"type": "modal", "title": plain("Runs"), "blocks": [section("x")], **more}


def test_a_modal_passes():
    assert check_view(modal(submit=plain("x" * 24), private_metadata="x" * 3000, callback_id="x" * 255)) == []


@pytest.mark.parametrize(
    ("view", "pointer"),
    [
        (modal(title=plain("x" * 25)), "/view/title/text"),
        (modal(private_metadata="x" * 3001), "/view/private_metadata"),
        (modal(blocks=[{"type": "divider"}] * 101), "/view/blocks"),
        (modal(blocks=[header("x" * 151)]), "/view/blocks/0/text/text"),
        (
            modal(blocks=[{"type": "input", "label": plain("Tag"), "element": {"type": "plain_text_input"}}]),
            "/view/submit",
        ),
        ({"type": "drawer", "blocks": []}, "/view/type"),
    ],
)
def test_a_wrong_view_is_refused_where_it_is_wrong(view, pointer):
    (breach,) = check_view(view)
    assert (breach.code, breach.pointer) == ("invalid_arguments", pointer)


def entry(kind, **more):
    return {"type": "input", "label": plain("Label"), "element": {"type": kind, "action_id": "it", **more}}


TWO = options(2)


FORMS = {
    "a text of 3,000 characters": entry("plain_text_input", initial_value="x" * 3000, min_length=0, max_length=3000),
    "a placeholder of 150 characters": entry("plain_text_input", placeholder=plain("x" * 150)),
    "a number": entry("number_input", is_decimal_allowed=True, min_value="-1.5", max_value="2"),
    "groups of options": entry("static_select", option_groups=[{"label": plain("x" * 75), "options": options(100)}]),
    "one of the options at first": entry("multi_static_select", options=TWO, initial_options=TWO[:1]),
    "an external select": entry("external_select", min_query_length=0, initial_option=TWO[0]),
    "10 checkboxes": entry("checkboxes", options=[{"text": mrkdwn("*x*"), "value": str(n)} for n in range(10)]),
    "a date": entry("datepicker", initial_date="2026-03-01"),
    "a time": entry("timepicker", initial_time="17:30"),
    "an option of 75 and 150 characters": entry(
        "radio_buttons", options=[{"text": plain("x" * 75), "value": "x" * 150}]
    ),
    "5 in a menu": {**section("x"), "accessory": {"type": "overflow", "options": options(5)}},
}


@pytest.mark.parametrize("block", FORMS.values(), ids=FORMS)
def test_a_form_may_have(block):
    assert check_view(modal(blocks=[block], submit=plain("Go"))) == []


FORMS_TOO_FAR = {
    "a placeholder of 151 characters": (
        entry("plain_text_input", placeholder=plain("x" * 151)),
        "must be less than 151 characters",
        "element/placeholder/text",
    ),
    "a text box of no length": (
        entry("plain_text_input", max_length=0),
        "must be between 1 and 3000",
        "element/max_length",
    ),
    "a number that says nothing of decimals": (
        entry("number_input"),
        "missing required field: is_decimal_allowed",
        "element",
    ),
    "a limit that is no string": (
        entry("number_input", is_decimal_allowed=False, min_value=1),
        "must be in the format of a number",
        "element/min_value",
    ),
    "101 options": (
        entry("static_select", options=options(101)),
        "no more than 100 items allowed",
        "element/options",
    ),
    "no options": (entry("static_select"), "missing required field: options", "element"),
    "options and groups of them": (
        entry("static_select", options=TWO, option_groups=[{"label": plain("All"), "options": TWO}]),
        "cannot have both options and option_groups",
        "element",
    ),
    "an option in mrkdwn": (
        entry("static_select", options=[{"text": mrkdwn("*x*"), "value": "x"}]),
        "must be one of: plain_text",
        "element/options/0/text/type",
    ),
    "an option value of 151 characters": (
        entry("static_select", options=[{"text": plain("x"), "value": "x" * 151}]),
        "must be less than 151 characters",
        "element/options/0/value",
    ),
    "something else at first": (
        entry("static_select", options=TWO, initial_option={"text": plain("9"), "value": "9"}),
        "must be one of the options",
        "element/initial_option",
    ),
    "11 checkboxes": (
        entry("checkboxes", options=options(11)),
        "no more than 10 items allowed",
        "element/options",
    ),
    "a day that is none": (
        entry("datepicker", initial_date="1.3.2026"),
        "must be in the format YYYY-MM-DD",
        "element/initial_date",
    ),
    "an hour that is none": (
        entry("timepicker", initial_time="24:00"),
        "must be in the format HH:mm",
        "element/initial_time",
    ),
    "a button for an input": (
        entry("button", text=plain("Go")),
        "unsupported type: button",
        "element/type",
    ),
    "a field that the element does not have": (
        entry("external_select", options=TWO),
        "invalid additional property: options",
        "element",
    ),
    "six in a menu": (
        {**section("x"), "accessory": {"type": "overflow", "options": options(6)}},
        "no more than 5 items allowed",
        "accessory/options",
    ),
    "an input without a label": (
        {"type": "input", "element": {"type": "plain_text_input"}},
        "missing required field: label",
        "",
    ),
    "optional, in words": (
        {**entry("plain_text_input"), "optional": "yes"},
        "must provide a boolean",
        "optional",
    ),
}


@pytest.mark.parametrize(("block", "sentence", "pointer"), FORMS_TOO_FAR.values(), ids=FORMS_TOO_FAR)
def test_a_form_may_not_have(block, sentence, pointer):
    (breach,) = check_view(modal(blocks=[block], submit=plain("Go")))
    assert (breach.code, breach.message) == ("invalid_arguments", sentence)
    assert breach.pointer == f"/view/blocks/0/{pointer}".rstrip("/")


def test_one_element_of_a_view_has_the_focus():
    focused = entry("plain_text_input", focus_on_load=True)
    assert check_view(modal(blocks=[focused], submit=plain("Go"))) == []
    (breach,) = check_view(modal(blocks=[focused, focused], submit=plain("Go")))
    assert breach.message == "only one element can have focus_on_load"


def test_home_has_a_hundred_blocks_and_needs_no_submit_button():
    assert check_view({"type": "home", "blocks": [entry("plain_text_input"), *[section("x")] * 99]}, "home") == []
    (breach,) = check_view({"type": "home", "blocks": [section("x")] * 101}, "home")
    assert breach.message == "no more than 100 items allowed"


def test_a_view_is_of_the_kind_that_the_method_shows():
    (breach,) = check_view({"type": "home", "blocks": []}, "modal")
    assert (breach.message, breach.pointer) == ("must be one of: modal", "/view/type")


def test_a_view_has_250_kilobytes_at_most():
    (breach,) = check_view(modal(blocks=[section("x" * 2900)] * 99))
    assert breach.code == "view_too_large"


@pytest.mark.parametrize(
    ("answer", "sentences"),
    [
        ({"options": []}, []),
        ({"options": options(100)}, []),
        ({"option_groups": [{"label": plain("All"), "options": TWO}]}, []),
        ({"options": options(101)}, ["no more than 100 items allowed"]),
        ({"options": [{"text": plain("x" * 76), "value": "x"}]}, ["must be less than 76 characters"]),
        ({}, ["missing required field: options"]),
        ("main", ["missing required field: options"]),
    ],
)
def test_suggestions_have_limits_too(answer, sentences):
    assert [breach.message for breach in check_options(answer)] == sentences
