"""The modal inside Slack's limits, whatever branches, parameters and answers it is given."""

import json

import pytest
from slack_sdk.models.views import View

from bot.engine.forecast import Pull
from bot.engine.image_look import Image
from bot.engine.plan import Plan
from bot.engine.preflight import Preflight
from bot.engine.sameness import Released
from bot.runs.model import TrainOptions
from bot.sandbox.slack.limits import check_view
from commands.modal import answer, parameters, view
from commands.modal.draft import USUAL, Draft, Private, draft_of, drafted, options_of, private_of, wrong_with

PRIVATE = Private("C1")
PLACES = {USUAL: "The usual one (alice)", "rack-1": "rack-1: shared"}
HOSTILE = "<!channel> \x1b[31m`*_~|&\u202e\ud800" + "x" * 5_000
VALUES = {"train": {"epochs": 12, "rate": 0.001, "flips": True, "name": "small", "sizes": [1, 2]}, "smoke": {"a": 1}}


def found(**changes):
    plan = Plan(("prepare", "train"), ("train",))
    return Preflight("main", "abcdef0123" + "0" * 30, plan=plan, next_tag="v1.0.1", **changes)


def checked(made):
    assert check_view(made, "modal") == []
    View(**made).validate_json()
    return made


def block(made, block_id):
    return next(each for each in made["blocks"] if each["block_id"] == block_id)


def text(made):
    return json.dumps(made, ensure_ascii=False)


@pytest.mark.parametrize(
    "values",
    [
        {},
        VALUES,
        {f"p{number}": number for number in range(500)},
        {HOSTILE: HOSTILE, "a": {HOSTILE[:100]: "", "b": None}},
        {1: {2: {3: 4.5}}, "": "", "empty": {}},
        {"t": {"u": 10**400, "v": float("nan"), "w": "\n\n"}},
    ],
    ids=["none", "typed", "many", "hostile", "odd keys", "odd values"],
)
def test_any_parameters_make_a_legal_modal(values):
    made = checked(view.form(PRIVATE, Draft("main", "v1.0.0"), PLACES, ["Looking …"], values))
    assert len(made["blocks"]) <= 100
    assert len({each["block_id"] for each in made["blocks"]}) == len(made["blocks"])


@pytest.mark.parametrize("branch", ["main", "feature/" + "x" * 142, "y" * 200, ""])
def test_any_branch_makes_a_legal_modal(branch):
    checked(view.form(PRIVATE, Draft(branch, "t" * 63), PLACES, ["Looking …"], VALUES))


def test_a_hundred_places_and_hostile_answers_fit():
    places = {USUAL: "The usual one"} | {f"box-{number}" + "x" * number: HOSTILE for number in range(300)}
    draft = Draft("main", "v1", "box-7" + "x" * 7, more="y" * 9_000, notify=("UBOB",), smoke=True, force=True)
    made = checked(view.form(PRIVATE, draft, places, [HOSTILE] * 20, VALUES))
    assert block(made, "on")["element"]["initial_option"]["value"] == "box-7" + "x" * 7


def test_before_anything_is_known_there_is_nothing_to_send():
    assert "submit" not in checked(view.waiting(PRIVATE))


def test_while_it_is_looked_up_all_fields_stay():
    made = view.form(PRIVATE, Draft("main", "v1"), PLACES, ["one", "two"], VALUES)
    shown = checked(view.with_answer({**made, "id": "V1", "hash": "x", "state": {"values": {}}}, ["Looking …"]))
    ids = [each["block_id"] for each in made["blocks"] if each["type"] == "input"]
    assert [each["block_id"] for each in shown["blocks"] if each["type"] == "input"] == ids
    assert "Looking" in text(shown)
    assert "two" not in text(shown)


def test_a_parameter_s_field_shows_the_present_value_and_keeps_what_was_entered():
    made = view.form(PRIVATE, Draft(set={"set:float:train.rate": "0.5"}), PLACES, [], VALUES)
    fields = [each for each in made["blocks"] if parameters.is_field(each["block_id"])]
    assert [each["block_id"] for each in fields] == [
        "set:int:train.epochs",
        "set:float:train.rate",
        "set:bool:train.flips",
        "set:text:train.name",
    ]
    assert [each["element"]["placeholder"]["text"] for each in fields] == ["12", "0.001", "yes", "small"]
    assert fields[1]["element"]["initial_value"] == "0.5"
    assert "1 more parameter" in text(block(made, "more"))


def test_of_many_parameters_twenty_have_a_field():
    values = {f"p{number}": number for number in range(30)}
    assert len(parameters.blocks(values, {})) == 20
    assert parameters.left_out(values) == 10


# ------------------------------------------------------------------------------------------------ the draft


def test_what_is_entered_becomes_the_options_of_a_training():
    draft = draft_of(
        {
            "branch": "main",
            "tag": " v1.0.0 ",
            "on": "rack-1",
            "how": "smoke",
            "force": ["force"],
            "set:int:train.epochs": "5",
            "set:text:train.name": "7",
            "set:bool:train.flips": "false",
            "set:float:train.rate": None,
            "more": "a.b = 1,2\n\nc=x=y",
            "notify": ["UBOB"],
        }
    )
    assert wrong_with(draft) == {}
    assert (draft.branch, draft.tag) == ("main", "v1.0.0")
    assert options_of(draft) == TrainOptions(
        on="rack-1",
        set={"train.epochs": "5", "train.name": "7", "train.flips": "false", "a.b": "1,2", "c": "x=y"},
        smoke=True,
        force=True,
        notify=("UBOB",),
    )


def test_an_untouched_modal_is_a_plain_training():
    values = {"branch": "main", "tag": "v1", "on": USUAL, "how": "full", "force": [], "more": None, "notify": []}
    assert options_of(draft_of(values)) == TrainOptions()


def test_a_training_that_is_wished_again_fills_the_modal():
    options = TrainOptions(on="rack-1", set={"train.epochs": "5"}, force=True, notify=("UBOB",))
    assert options_of(drafted("main", "v2", options)) == options


@pytest.mark.parametrize(
    ("values", "block_id", "said"),
    [
        ({"branch": None}, "branch", "choose one"),
        ({"branch": "a..b"}, "branch", "must not hold"),
        ({"tag": None}, "tag", "is missing"),
        ({"tag": "v1/0"}, "tag", "holds /"),
        ({"set:int:a": "1.5"}, "set:int:a", "whole number"),
        ({"set:int:a": "many"}, "set:int:a", "whole number"),
        ({"set:float:a": "inf"}, "set:float:a", "is a number"),
        ({"set:bool:a": "maybe"}, "set:bool:a", "yes or no"),
        ({"more": "train.epochs 5"}, "more", "no name=value"),
        ({"more": "a=1\na=2"}, "more", "given twice"),
        ({"more": "a=1", "set:int:a": "2"}, "more", "given twice"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(values, block_id, said):
    problems = wrong_with(draft_of({"branch": "main", "tag": "v1", **values}))
    assert list(problems) == [block_id]
    assert said in problems[block_id]


def test_a_smoke_test_needs_no_tag():
    assert wrong_with(draft_of({"branch": "main", "how": "smoke"})) == {}


@pytest.mark.parametrize("number", ["5", " 5 ", "-3", "1_000"])
def test_whole_numbers_are_taken_as_people_write_them(number):
    draft = draft_of({"branch": "main", "tag": "v1", "set:int:a": number})
    assert wrong_with(draft) == {}
    assert options_of(draft).set["a"] in ("5", "-3", "1000")


def test_what_a_modal_carries_comes_back():
    private = Private("C1", "main", "v1.0.0")
    assert private_of(private.text()) == private
    assert len(Private("C" * 20, "b" * 200, "t" * 63).text()) < 3_000


# ------------------------------------------------------------------------------------------------ the answer


def said(draft=None, **changes):
    return "\n".join(answer.lines(draft or Draft("main", "v1.0.0"), found(**changes)))


def test_the_answer_names_what_would_happen():
    lines = said(pull=Pull(1_200_000_000), seconds=700.0, dollars=0.53, image=Image.BUILD).split("\n")
    assert lines == [
        "*Branch:* `main` at `abcdef0123`",
        "*Tag:* `v1.0.0` is free",
        "*Stages that would run:* 1 of 2: `train`",
        "*Image:* has to be built first, or fetched; the time for that comes on top",
        "*Data to fetch:* about 1.2 GB",
        "*Time on the machine:* about 12 min",
        "*Cost:* about $0.53",
    ]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"pull": Pull(5_000, at_most=True)}, "*Data to fetch:* up to 5.0 kB"),
        ({"pull": Pull(0)}, "all of it is at the machine"),
        ({}, "*Data to fetch:* unknown"),
        ({}, "*Cost:* unknown"),
        ({}, "no past run"),
        ({"taken": True}, "taken already; the next free one is `v1.0.1`"),
        ({"seconds": 20.0}, "*Time on the machine:* under a minute"),
        ({"dollars": 14.0, "max_cost": 10.0}, "about $14.00, more than the $10.00 that a run may cost here"),
        ({"max_cost": 10.0}, "*Cost:* unknown; a run is ended when it has cost $10.00"),
        ({"max_cost": 10.0, "priced": False}, "the limit of $10.00 cannot hold, since nobody knows what an hour costs"),
    ],
)
def test_figures_are_said_as_surely_as_they_are_known(changes, part):
    assert part in said(**changes)


def test_an_estimate_within_the_limit_says_nothing_of_it():
    assert said(dollars=9.0, max_cost=10.0).endswith("*Cost:* about $9.00")


def test_what_cannot_be_told_is_said_to_be_so():
    unread = Preflight("main", "a" * 40, plan=Plan(problem="dvc.yaml has templates"))
    assert "cannot tell before the machine looks: dvc.yaml has templates" in "".join(answer.lines(Draft(), unread))
    unsure = Preflight("main", "a" * 40, plan=Plan(("a", "b"), ("a",), unsure=("a",)))
    lines = "".join(answer.lines(Draft(), unsure))
    assert "none for sure; cannot tell before the machine looks whether `a` changed" in lines
    assert "nothing changed" not in lines.lower()


def test_nothing_changed_links_the_release_unless_the_training_is_forced():
    same = Released("v1.0.0", "http://gitlab.test/v1.0.0")
    assert "*Nothing changed since <http://gitlab.test/v1.0.0|v1.0.0>:*" in said(same_as=same)
    assert "Nothing changed" not in said(Draft("main", "v1", force=True), same_as=same)


def test_a_branch_that_is_not_there_is_said_with_those_that_may_be_meant():
    lines = answer.lines(Draft("mian"), Preflight("mian", near=("main", "mean")))
    assert lines == ["There is no branch `mian`. Did you mean `main` or `mean`?"]


def test_hostile_names_do_no_harm_in_an_answer():
    plan = Plan((HOSTILE, "<!here>"), (HOSTILE, "<!here>"), problem="")
    lines = "\n".join(answer.lines(Draft(HOSTILE, HOSTILE), Preflight(HOSTILE, "a" * 40, plan=plan)))
    assert "<!" not in lines
    assert "<!" not in "\n".join(answer.no_answer(HOSTILE))
    checked(view.form(PRIVATE, Draft("main"), PLACES, [lines], {}))
