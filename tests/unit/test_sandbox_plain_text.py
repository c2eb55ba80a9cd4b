"""Slack's messages as a terminal shows them."""

from bot.sandbox.plain_text import indented, message_text, mrkdwn

NAMES = {"U1": "@alice", "C1": "#training"}


def blocks(*items):
    return message_text({"text": "the fallback", "blocks": list(items)}, NAMES)


def section(text, **more):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def test_emphasis_goes_and_its_words_stay():
    assert mrkdwn("*Released* after _a while_, ~not~ yet", NAMES) == "Released after a while, not yet"


def test_a_star_or_underscore_inside_a_name_is_no_markup():
    assert mrkdwn("train_loss * 2 and my_file_name", NAMES) == "train_loss * 2 and my_file_name"


def test_a_link_shows_its_words_and_its_address():
    assert mrkdwn("<http://x/y?a=1&amp;b=2|Open it>", NAMES) == "Open it (http://x/y?a=1&b=2)"


def test_a_bare_link_is_not_said_twice():
    assert mrkdwn("<http://x/y> and <http://x/y|http://x/y>", NAMES) == "http://x/y and http://x/y"


def test_people_and_channels_have_their_names():
    assert mrkdwn("<@U1> in <#C1|old-name>, <@U9>, <!here>", NAMES) == "@alice in #training, U9, @here"


def test_a_date_shows_its_fallback():
    assert mrkdwn("since <!date^1700000000^{time}|10:13>", NAMES) == "since 10:13"


def test_code_is_taken_as_it_stands():
    assert mrkdwn("`a *b* &lt;c&gt; :x:`", NAMES) == "`a *b* <c> :x:`"


def test_emphasis_may_go_around_code():
    assert mrkdwn("*Failed in `train`.* Sorry", NAMES) == "Failed in `train`. Sorry"


def test_a_block_of_code_stands_apart():
    assert mrkdwn("To use it:\n```curl -O x\ndvc pull```", NAMES) == "To use it:\n\n    curl -O x\n    dvc pull"


def test_entities_are_characters_and_escaped_markup_is_not_read_again():
    assert mrkdwn("a &lt;b&gt; &amp;amp; c", NAMES) == "a <b> &amp; c"


def test_emoji_codes_go():
    assert mrkdwn(":tada: Done :+1:", NAMES).strip() == "Done"


def test_a_time_is_no_emoji():
    assert mrkdwn("from 10:30:00 on", NAMES) == "from 10:30:00 on"


def test_blocks_win_over_the_fallback_text():
    assert blocks(section("one"), section("two")) == "one\ntwo"


def test_a_message_without_blocks_shows_its_text():
    assert message_text({"text": "*hello*"}, NAMES) == "hello"


def test_header_context_and_dividers():
    drawn = blocks(
        {"type": "header", "text": {"type": "plain_text", "text": "Run 1 *main*"}},
        {"type": "divider"},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "*a*"}, {"type": "plain_text", "text": "b"}]},
    )
    assert drawn == "Run 1 *main*\na  b"


def test_fields_are_lines():
    assert blocks(section("Run", fields=[{"type": "mrkdwn", "text": "*Branch*\nmain"}])) == "Run\nBranch: main"


def test_a_button_shows_only_when_it_leads_somewhere():
    cancel = {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "Cancel"}}
    release = {**cancel, "text": {"type": "plain_text", "text": "Release"}, "url": "http://x/r"}
    assert blocks(section("Run"), {"type": "actions", "elements": [cancel, release]}) == "Run\nRelease: http://x/r"


def test_a_picture_is_named():
    picture = {"type": "image", "image_url": "http://x/p.png", "alt_text": "Learning curve"}
    assert blocks(section("See"), picture) == "See\n[picture: Learning curve] http://x/p.png"


def test_rich_text_is_read():
    line = {
        "type": "rich_text_section",
        "elements": [{"type": "text", "text": "by "}, {"type": "user", "user_id": "U1"}],
    }
    item = {"type": "rich_text_section", "elements": [{"type": "link", "url": "http://x"}]}
    rows = {"type": "rich_text_list", "style": "bullet", "elements": [item]}
    assert blocks({"type": "rich_text", "elements": [line, rows]}) == "by @alice\n- http://x"


def test_files_are_named_after_the_text():
    said = {"text": "The log", "files": [{"name": "run-1.log", "title": "Full log"}, {"name": "b.txt"}]}
    assert message_text(said, NAMES) == "The log\n[file: Full log]\n[file: b.txt]"


def test_an_unknown_block_is_passed_over():
    assert blocks({"type": "video"}, section("words")) == "words"


def test_indenting_leaves_no_spaces_on_empty_lines():
    assert indented("a\n\nb", "  ") == "  a\n\n  b"
