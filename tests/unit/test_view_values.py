"""What a person entered or chose, in each of the shapes that Slack has for it."""

import pytest

from bot.slack.view_values import chosen, values_of


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ({"type": "plain_text_input", "value": "v1.0.0"}, "v1.0.0"),
        ({"type": "plain_text_input", "value": None}, None),
        ({"type": "number_input", "value": "20"}, "20"),
        ({"type": "external_select", "selected_option": {"text": {}, "value": "main"}}, "main"),
        ({"type": "external_select", "selected_option": None}, None),
        ({"type": "checkboxes", "selected_options": [{"value": "smoke"}, {"value": "force"}]}, ["smoke", "force"]),
        ({"type": "checkboxes", "selected_options": []}, []),
        ({"type": "multi_users_select", "selected_users": ["U1", "U2"]}, ["U1", "U2"]),
        ({"type": "conversations_select", "selected_conversation": "C1"}, "C1"),
        ({"type": "timepicker", "selected_time": "09:00"}, "09:00"),
        ({"type": "button", "value": "42"}, "42"),
        ({}, None),
    ],
)
def test_each_element_has_its_value_elsewhere(element, value):
    assert chosen(element) == value


def test_a_view_is_read_by_its_blocks():
    state = {"values": {"tag": {"input": {"value": "v1"}}, "empty": {}}}
    assert values_of({"state": state}) == {"tag": "v1", "empty": None}
    assert values_of({}) == {}
