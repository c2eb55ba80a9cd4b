import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.runs.figures import flatten
from bot.slack import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.42, "0.4 s"),
        (9.97, "10 s"),
        (42.4, "42 s"),
        (59.7, "1 min"),
        (192, "3 min 12 s"),
        (3_599.9, "1 h"),
        (7_500, "2 h 5 min"),
        (90_000, "1 d 1 h"),
        (-5, "0 s"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds, said):
    assert words.duration(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(30, "under a minute"), (61, "2 min"), (4_000, "1 h 7 min")])
def test_an_estimate_is_rounded_up_to_minutes(seconds, said):
    assert words.about(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1_234, "1.2 kB"), (56_700_000, "57 MB"), (5e15, "5,000 TB")],
)
def test_bytes_are_said_in_decimal_units(count, said):
    assert words.size(count) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.931234, "0.9312"), (12, "12"), (12_345, "12,345"), (12_345.6, "12,346"), (True, "True"), ("best", "best")],
)
def test_a_metric_has_four_significant_digits(value, said):
    assert words.number(value) == said


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [(0.93, 0.92, "+0.01"), (0.9, 1.0, "-0.1"), (5, 5, "same"), ("a", 1, ""), (float("nan"), 1, ""), (True, 0, "")],
)
def test_a_change_of_a_metric_has_its_sign_or_is_left_out(now, before, said):
    assert words.change(now, before) == said


@pytest.mark.parametrize(
    ("amount", "said"),
    [(0, "$0.00"), (1e-9, "less than 1 cent"), (0.0123, "$0.01"), (0.526, "$0.53"), (1_234.5, "$1,234.50")],
)
def test_money_is_dollars_and_cents_and_less_than_that_where_cents_say_nothing(amount, said):
    assert words.money(amount) == said


@pytest.mark.parametrize(
    ("price", "said"),
    [(1.26, "$1.26 an hour"), (0.0042, "$0.0042 an hour"), (0.096, "$0.096 an hour"), (0, "$0.00 an hour")],
)
def test_a_price_keeps_two_digits_however_low_it_is(price, said):
    assert words.rate(price) == said


@pytest.mark.parametrize(
    ("name", "machine", "said"),
    [
        ("alice", "rack-1", "alice on `rack-1`"),
        ("Alice", "alice", "Alice"),
        ("<!channel>", "rack", "&lt;!channel&gt; on `rack`"),
        ("", "", ""),
    ],
)
def test_a_machine_that_is_called_like_its_person_is_not_named_beside_them(name, machine, said):
    assert words.whose(name, machine) == said


def test_a_ping_in_a_log_is_only_text():
    assert words.escape("<!channel> <@U1> & co") == "&lt;!channel&gt; &lt;@U1&gt; &amp; co"


def test_our_own_sentences_may_name_a_person_but_nobody_elses_words_may_ping_all():
    assert words.prose("run 3 by <@U123> <!here>") == "run 3 by <@U123> &lt;!here&gt;"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It is https://gitlab.test/r/v1.0.0.", "It is <https://gitlab.test/r/v1.0.0>."),
        ("See https://gitlab.test/?a=1&b=2, please", "See <https://gitlab.test/?a=1&amp;b=2>, please"),
        ("`https://gitlab.test` and xhttps://gitlab.test", "`https://gitlab.test` and xhttps://gitlab.test"),
        ("<https://evil.test|https://good.test>", "&lt;https://evil.test|https://good.test&gt;"),
        ("https://evil.test|label", "https://evil.test|label"),
    ],
)
def test_an_address_in_a_sentence_can_be_clicked_and_shows_itself(text, said):
    assert words.prose(text) == said


def test_an_address_that_was_cut_is_no_link():
    assert "<" not in words.prose("https://gitlab.test/" + "x" * 500, 100)


def test_a_line_is_shown_as_a_terminal_would_end_up_with_it():
    assert words.clean("\x1b[31m10%\r55%\r100%\x1b[0m done\r\n\x00next\u202e") == "100% done\nnext"


def test_broken_unicode_is_shown_as_question_marks():
    assert words.clean(b"caf\xff".decode("utf-8", errors="surrogateescape")) == "caf?"


def test_a_name_cannot_leave_its_back_quotes():
    assert words.code("a`b\nc") == "`a'b c`"


def test_a_log_cannot_close_the_block_it_is_quoted_in():
    block = words.fence(["before", "```<!channel>", "after"])
    assert block.startswith("```before")
    assert block.endswith("after```")
    assert "```" not in block[3:-3]
    assert "<!" not in block


def test_of_too_many_lines_the_last_are_kept():
    block = words.fence([f"line {number}" for number in range(1_000)], limit=100)
    assert block.endswith("line 999```")
    assert words.weight(block) <= 106


def test_a_link_that_no_browser_should_open_is_only_its_label():
    assert words.link("javascript:alert(1)", "click") == "click"
    assert words.link("https://x.test/a|b", "a>b") == "<https://x.test/a%7Cb|a&gt;b>"


def test_nested_metrics_are_flat_with_the_shallow_ones_first():
    flat = flatten({"metrics.json": {"classes": {"apple": 1.0}, "accuracy": 0.9}})
    assert list(flat.items()) == [("accuracy", 0.9), ("classes.apple", 1.0)]


def test_items_are_listed_as_people_do():
    assert [words.listing(list("abc")[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]


@given(st.text(max_size=300), st.integers(min_value=10, max_value=200))
def test_a_text_that_was_cut_is_as_long_as_allowed_and_has_no_half_entity(text, limit):
    shown = words.escape(text, limit)
    assert words.weight(shown) <= limit
    plain = shown
    for entity in ("&amp;", "&lt;", "&gt;"):
        plain = plain.replace(entity, "")
    assert not set("<>&") & set(plain)


@given(st.lists(st.text(max_size=500), max_size=30))
def test_quoted_lines_are_valid_json_and_one_block_whatever_they_hold(lines):
    block = words.fence(lines, limit=1_000)
    assert words.weight(block) <= 1_010
    assert json.loads(json.dumps(block)) == block
    assert block == "" or (block.startswith("```") and block.endswith("```") and "```" not in block[3:-3])
