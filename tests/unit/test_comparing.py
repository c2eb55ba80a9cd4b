"""Results beside one another: what differs, in tables that a thread can show."""

from bot.runs.figures import KEPT, brief, differing
from bot.runs.model import Phase
from bot.slack import comparing
from bot.slack.comparing import Other
from tests.doubles.runs import a_run

MAIN = Other("v1.0.0", "main", {"accuracy": 0.9, "loss": 0.3}, {"train.epochs": 5})
BRANCH = Other("v1.1.0", "feature/wide", {"accuracy": 0.95}, {"train.lr": 0.01})


def a_release(tag="v1.2.0", **result):
    return a_run(Phase.RELEASED, tag=tag, result=result)


def lines(text):
    return text.replace("```", "\n").strip("\n").split("\n")


def test_metrics_stand_beside_the_last_of_the_branch_and_of_the_default_branch():
    assert comparing.metrics("v1.2.0", {"accuracy": 0.96, "loss": 0.25}, [BRANCH, MAIN]) == (
        "```"
        "          v1.2.0  vs v1.1.0  vs v1.0.0\n"
        "accuracy    0.96      +0.01      +0.06\n"
        "loss        0.25        new      -0.05"
        "```"
    )
    assert comparing.whose([BRANCH, MAIN]) == (
        "Compared with `v1.1.0`, the last release of `feature/wide`, and `v1.0.0`, the last release of `main`."
    )


def test_without_another_release_there_is_nothing_to_compare_with():
    assert comparing.metrics("v1", {"accuracy": 0.96}) == "```accuracy  0.96```"
    assert comparing.metrics("v1", {}, [MAIN]) == ""
    assert comparing.whose([Other("v1", "main", {}, {})]) == comparing.whose([]) == ""
    assert comparing.metrics("v1", {"a": 1}, [Other("v0", "main", {}, {})]) == "```a  1```"


def test_only_parameters_that_differ_are_shown():
    now = {"train.epochs": 9, "train.lr": 0.02, "seed": 1}
    assert comparing.params("v1.2.0", now, [BRANCH, MAIN]) == (
        "*Parameters that differ*\n```"
        "              v1.2.0  v1.1.0  v1.0.0\n"
        "train.lr        0.02    0.01    same\n"
        "train.epochs       9    same       5"
        "```"
    )
    assert comparing.params("v1.2.0", now, [Other("v1", "main", {}, {})]) == ""
    assert comparing.params("v1.2.0", now, []) == ""


def test_no_line_is_wider_than_a_thread_whatever_names_and_tags_there_are():
    long = {f"per_class.{'Apple ' * 9}{number}": number / 7_000_003 for number in range(20)}
    others = [Other("release-" + "9" * 50, "main", long, long), Other("x" * 63, "topic/" + "y" * 90, long, long)]
    for count in range(3):
        for text in (
            comparing.metrics("v" * 63, {name: value * 1.1 for name, value in long.items()}, others[:count]),
            comparing.params("v" * 63, dict.fromkeys(long, "z" * 80), others[:count]),
        ):
            table = text.split("```")[1] if text else ""
            assert all(len(line) <= comparing.WIDTH for line in lines(table))


def test_a_name_that_is_cut_keeps_both_ends():
    assert comparing.squeezed("per_class.Apple Braeburn 12", 15) == "per_cla…burn 12"
    assert len(comparing.squeezed("x" * 50, 15)) == 15
    assert comparing.squeezed("short", 15) == "short"


def test_two_results_are_compared_by_metrics_parameters_and_data():
    one = a_release("v1", metrics={"accuracy": 0.9, "old": 1}, params={"train": {"lr": 0.1, "epochs": 5}}, data={
        "data/raw": "1" * 32, "data/gone": "2" * 32})  # fmt: skip
    other = a_release("v2", metrics={"accuracy": 0.95, "new": True}, params={"train": {"lr": 0.2, "epochs": 5}}, data={
        "data/raw": "3" * 32})  # fmt: skip
    metrics, params, data = comparing.two(one, other)
    assert metrics == (
        "*Metrics*\n```"
        "            v1    v2  change\n"
        "accuracy   0.9  0.95   +0.05\n"
        "new       none  True\n"
        "old          1  none"
        "```"
    )
    assert params == "*Parameters that differ*\n```           v1   v2\ntrain.lr  0.1  0.2```"
    assert data == "*Data that differs*: `data/raw` and `data/gone`"


def test_what_is_the_same_is_said_in_a_line_and_what_is_not_known_not_at_all():
    one = a_release("v1", params={"lr": 1}, data={"data": "1"})
    assert comparing.two(one, one) == ["*Parameters*: the same.", "*Data*: the same."]
    assert comparing.two(a_release(), a_release()) == []


# what is kept of an earlier release


def test_what_differs_is_what_has_another_value_or_is_missing():
    assert differing({"a": 1, "b": 2, "c": None}, {"a": 1, "b": 3, "d": 4}) == ["b", "c", "d"]


def test_of_an_earlier_release_its_metrics_and_other_parameters_are_kept():
    earlier = a_release("v1", metrics={"a": 1}, params={"lr": 1, "gone": [1, 2], "same": 0})
    now = a_release("v2", params={"lr": 2, "same": 0, "new": 5})
    assert brief(earlier, now) == {
        "tag": "v1",
        "branch": "main",
        "metrics": {"a": 1},
        "params": {"lr": 1, "new": None, "gone": "[1, 2]"},
    }


def test_of_a_hostile_release_little_is_kept():
    many = {f"{number}{'x' * 150}": "y" * 10_000 for number in range(400)} | {"z" * 100_000: 1}
    record = brief(a_release(metrics=many, params=many), a_release())
    assert (len(record["metrics"]), len(record["params"])) == (KEPT, KEPT)
    assert len(repr(record)) < 2 * KEPT * 500
