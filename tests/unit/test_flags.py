"""The flags of a `/train` as people type them, on phones too; each mistake has its sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.runs.model import TrainOptions
from commands import flags, request
from commands.request import Wanted


def refusal(text):
    with pytest.raises(UserError) as caught:
        request.train(text)
    return str(caught.value)


def test_a_command_without_flags_asks_for_nothing_else():
    assert request.train("main v1.0.0").options == TrainOptions()


@pytest.mark.parametrize(
    "text",
    [
        "main v1 --on rack-1 --set train.epochs=3 --set model.name=big --force",
        "--force main --set model.name=big v1 --on=rack-1 --set=train.epochs=3",
        "main v1 \u2014on rack-1 \u2014set train.epochs=3 \u2013set model.name=big \u2014force",
        "main v1 --ON `rack-1` --Set `train.epochs=3` --set model.name=\u201cbig\u201d --FORCE",
    ],
)
def test_flags_stand_anywhere_and_are_read_however_they_were_typed(text):
    options = TrainOptions(on="rack-1", set={"train.epochs": "3", "model.name": "big"}, force=True)
    assert request.train(text) == Wanted("main", "v1", options)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=b=c", "b=c"),
        ("a=", ""),
        ("a=-1e-3", "-1e-3"),
        ('a="two words"', "two words"),
        ("'a=[1, 2]'", "[1, 2]"),
        ("\u201ca=two words\u201d", "two words"),
        ("a=&lt;x&gt;", "<x>"),
        ("a=<http://example.com|example.com>", "example.com"),
        ("a=it's", "it's"),
    ],
)
def test_a_value_is_all_behind_the_first_equals_sign(text, value):
    assert request.train(f"main v1 --set {text}").options.set == {"a": value}


def test_a_smoke_test_needs_no_tag_and_has_a_name_of_its_own_then():
    assert request.train("feature/wider --smoke") == Wanted(
        "feature/wider", "smoke-of-feature-wider", TrainOptions(smoke=True)
    )
    assert request.train("main v1.0.0 --smoke").tag == "v1.0.0"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("main v1 --sett a=1", "There is no `--sett` here. Did you mean `--set`?"),
        ("main v1 -smoke=1", "`--smoke` stands alone"),
        ("main v1 --upload-pack=evil", "There is no `--upload-pack` here. There is `--on`, `--set`"),
        ("main v1 -rf", "There is no `--rf` here."),
        ("main v1 --on", "missing after `--on`, for example `--on rack-1`"),
        ("main v1 --on --force", "missing after `--on`"),
        ("main v1 --on a --on b", "say it once"),
        ("main v1 --set", "missing after `--set`, for example `--set train.epochs=5`"),
        ("main v1 --set epochs", "`--set epochs` lacks its value"),
        ("main v1 --set =5", "does not begin with the name of a parameter"),
        ("main v1 --set a..b=5", "does not begin with the name of a parameter"),
        ("main v1 --set a=1 --set a=2", "`a` is set twice"),
        (f"main v1 --set a={'x' * 501}", "at most 500 characters"),
        ("main v1 " + " ".join(f"--set a{n}=1" for n in range(51)), "More than 50"),
        ("--smoke", "It needs a branch and a tag"),
        ("main --force", "It needs a branch and a tag"),
    ],
)
def test_a_wrong_flag_is_refused_with_what_to_do(text, sentence):
    said = refusal(text)
    assert sentence in said
    assert "Nothing was started." in said


@given(st.text(max_size=120))
def test_whatever_is_typed_is_read_or_refused_in_a_short_sentence_that_pings_nobody(text):
    said = ""
    try:
        _words, options = flags.read(text)
        assert all(flags.legal_parameter(name) for name in options.set)
    except UserError as error:
        said = str(error)
    assert len(said) < 400
    assert "<!" not in said
