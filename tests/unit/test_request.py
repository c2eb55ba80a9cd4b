import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.runs.names import did_you_mean, legal_branch, legal_tag, nearest, next_version
from commands import request
from commands.request import Wanted


@pytest.mark.parametrize(
    "text",
    [
        "main v1.0.0",
        "  main \t v1.0.0  ",
        "`main` `v1.0.0`",
        "\u201cmain\u201d \u2018v1.0.0\u2019",
        "main\u00a0v1.0.0",
        "refs/heads/main refs/tags/v1.0.0",
        "main <http://v1.0.0|v1.0.0>",
    ],
)
def test_a_branch_and_a_tag_are_read_however_they_were_typed(text):
    assert request.train(text) == Wanted("main", "v1.0.0")


def test_what_slack_made_a_link_of_is_a_name_again():
    assert request.words("<http://main.py|main.py> <http://v1.0.0.dev> <#C123|general>") == [
        "main.py",
        "v1.0.0.dev",
        "general",
    ]


def test_an_entity_is_the_character_that_was_typed():
    assert request.words("a&amp;b &lt;c&gt;") == ["a&b", "<c>"]


@pytest.mark.parametrize("text", ["", "main", "main v1.0.0 now"])
def test_a_missing_or_extra_word_brings_the_usage_with_an_example(text):
    with pytest.raises(UserError, match=r"`/train <branch> <tag>`, for example `/train main v1\.0\.0`"):
        request.train(text)


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("a/b", "holds `/`"),
        ("@", "begin with a letter or a digit"),
        ("$(id)", "begin with a letter or a digit"),
        ("a;b", "holds `;`"),
        ("vümläut", "holds `ü`"),
        ("a..b", "two dots in a row"),
        ("x.lock", "must not end with .lock"),
        ("v1.", "must not end with a dot"),
        ("HEAD", "git keeps for itself"),
        ("v" * 64, "too long"),
        ("a<b", "holds `&lt;`"),
    ],
)
def test_an_illegal_tag_is_refused_with_what_is_wrong_and_an_example(tag, why):
    with pytest.raises(UserError) as caught:
        request.train(f"main {tag}")
    assert why in str(caught.value)
    assert "`/train main v1.0.0`" in str(caught.value)


@pytest.mark.parametrize(
    "branch",
    [
        "--9",
        "$(id)",
        "a;b",
        "a..b",
        "a//b",
        "/a",
        "a/",
        ".a",
        "a/.b",
        "a.lock/b",
        "@{1}",
        "HEAD",
        "a:b",
        "*",
    ],
)
def test_a_branch_that_git_or_a_shell_could_misread_is_refused(branch):
    with pytest.raises(UserError, match="is no branch"):
        request.train(f"{branch} v1.0.0")


@pytest.mark.parametrize("branch", ["main", "feature/mobilenet", "fix#12", "ümläut", "a+b", "v1.0", "a_b-c.d", "@a"])
def test_ordinary_branches_are_taken(branch):
    assert request.train(f"{branch} v1.0.0").branch == branch


@given(st.text(max_size=80))
def test_what_was_taken_is_safe_to_hand_to_git_and_to_slack(text):
    try:
        wanted = request.train(text)
    except UserError:
        return
    for name in (wanted.branch, wanted.tag):
        assert not name.startswith("-")
        assert not set(name) & set(" ~^:?*[\\$`\"'<>&|;(){}!\n\t\x00")
        assert ".." not in name


@given(st.text(max_size=300).filter(lambda text: len(request.words(text)) != 2))
def test_every_refusal_is_short_and_pings_nobody(text):
    with pytest.raises(UserError) as caught:
        request.train(text)
    assert len(str(caught.value)) < 300
    assert "<!" not in str(caught.value)


@given(st.from_regex(r"[<>&!@`a-z\u00e9-]{1,200}/", fullmatch=True))
def test_a_refused_name_is_shown_cut_and_without_its_markup(tag):
    with pytest.raises(UserError) as caught:
        request.train(f"main x{tag}")
    assert len(str(caught.value)) < 400
    assert "<" not in str(caught.value).replace("`/train <branch> <tag>`", "")


@pytest.mark.parametrize(
    ("text", "meant"),
    [("42", 42), ("#42", 42), ("run 42", 42), ("`v1.0.0`", "v1.0.0"), ("", None), ("a b", None), ("9" * 30, "9" * 30)],
)
def test_a_run_is_meant_by_number_or_tag(text, meant):
    assert request.one_run(text) == meant


@pytest.mark.parametrize(
    ("tags", "wanted", "free"),
    [
        (["v1.0.0"], "v1.0.0", "v1.0.1"),
        (["v1.0.0", "v1.0.1", "v1.0.2"], "v1.0.0", "v1.0.3"),
        (["2.0.9"], "2.0.9", "2.0.10"),
        (["run-7"], "run-7", "run-8"),
        (["nightly", "nightly-2"], "nightly", "nightly-3"),
        (["v2.0.0", "v10.1.3"], "a/b", "v10.1.4"),
        ([], "a/b", "v1.0.0"),
        (["v1.0.0"], "x" * 63, "v1.0.1"),
    ],
)
def test_the_next_free_version_keeps_the_style_of_the_wanted_one(tags, wanted, free):
    assert next_version(tags, wanted) == free


@given(st.lists(st.from_regex(r"v\d\.\d\.\d{1,2}", fullmatch=True)), st.text(max_size=70))
def test_the_next_version_is_legal_and_free_whatever_was_wanted(tags, wanted):
    found = next_version(tags, wanted)
    assert legal_tag(found)
    assert found not in tags


def test_a_misspelt_branch_is_recognised_also_by_its_last_part():
    names = ["main", "feature/mobilenet", "feature/resnet", "docs"]
    assert nearest(names, "feature/mobilnet") == ["feature/mobilenet"]
    assert nearest(names, "mobilnet") == ["feature/mobilenet"]
    assert nearest(names, "Main") == ["main"]
    assert nearest(names, "zzz") == []
    assert did_you_mean(names, "mobilenet") == "Did you mean `feature/mobilenet`?"


def test_a_legal_tag_need_not_be_a_legal_branch_nor_the_other_way_round():
    assert legal_branch("a/b")
    assert not legal_tag("a/b")
