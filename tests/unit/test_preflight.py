"""What is said before anything is paid, and that nothing is started for what a release has already."""

import json

import pytest

from bot.engine.image_look import Image
from bot.engine.preflight import look
from bot.engine.scout import Scout
from bot.errors import Unavailable
from bot.runs.model import Phase, TrainOptions
from tests.doubles.project import PARAMS, READY, SCRIPT, a_project, data_of
from tests.doubles.station import Station

HEAD, RESULT = "a" * 40, "c" * 40


@pytest.fixture
def station(tmp_path):
    made = Station(tmp_path)
    made.code.contents[HEAD] = a_project()
    return made


@pytest.fixture
def released(station):
    """Run 1 trained both stages of `main` and was released as v1.0.0; the branch has its result now."""
    station.code.contents[HEAD] = a_project(dvc__lock=None)
    station.train()
    station.train_to_release()
    station.code.contents[RESULT] = a_project()
    station.code.heads["main"] = RESULT
    put(station, 1, commit=RESULT, ready=20.0, train=100.0)
    return station.run(1)


def put(station, number, *, commit, **took):
    """What a run published, and how long each of its stages took."""
    with station.store._database.write() as connection:
        connection.execute(
            "UPDATE runs SET result = json_set(result, '$.commit', ?), "
            "progress = json_set(progress, '$.stage_seconds', json(?), '$.stages', json(?)) WHERE id = ?",
            (commit, json.dumps(took), json.dumps(dict.fromkeys(took, "finished")), number),
        )


def seen(station, branch="main", tag="v9.0.0", line="alice", **options):
    return look(branch, tag, TrainOptions(**options), line, station.world)


def change(station, **files):
    """Somebody pushes a change on top of the result."""
    commit = "d" * 40
    station.code.contents[commit] = a_project(**files)
    station.code.heads["main"] = commit


def test_a_branch_that_is_not_there_names_those_that_may_be_meant(station):
    found = seen(station, "mian")
    assert found.commit is None
    assert found.near == ("main",)


def test_a_tag_that_exists_or_is_being_made_is_taken(station):
    station.code.tags_made["v1.0.0"] = HEAD
    station.train(tag="v1.0.1")
    station.tick()
    assert seen(station, tag="v1.0.0").taken
    assert seen(station, tag="v1.0.1").taken
    free = seen(station, tag="v1.0.2")
    assert not free.taken
    assert seen(station, tag="v1.0.0").next_tag == "v1.0.2"


def test_without_a_tag_the_next_version_is_offered(station):
    assert seen(station, tag="").next_tag == "v1.0.0"
    station.code.tags_made |= {"v1.4.0": HEAD, "v1.3.9": HEAD, "other": HEAD}
    assert seen(station, tag="").next_tag == "v1.4.1"


def test_with_nothing_changed_no_stage_would_run_and_the_release_is_named(station, released):
    found = seen(station)
    assert found.plan.unchanged
    assert (found.same_as.tag, found.same_as.url) == ("v1.0.0", "http://gitlab.test/v1.0.0")


@pytest.mark.parametrize(
    ("files", "running"),
    [
        ({"train__py": SCRIPT + b"#\n"}, ("train",)),
        ({"params__yaml": PARAMS.replace(b"3", b"4")}, ("train",)),
        ({"data/raw__dvc": data_of("9")}, ("ready", "train")),
        ({"dvc__lock": None}, ("ready", "train")),
    ],
    ids=["code", "parameter", "data", "no lock"],
)
def test_what_changed_says_which_stages_would_run(station, released, files, running):
    change(station, **files)
    found = seen(station)
    assert found.plan.running == running
    assert found.same_as is None


def test_a_change_that_no_stage_reads_is_still_the_released_model(station, released):
    change(station, README__md=b"# Fruits\n")
    assert seen(station).same_as.tag == "v1.0.0"


def test_parameters_that_are_set_count(station, released):
    assert seen(station, set={"train.epochs": "4"}).plan.running == ("train",)
    assert seen(station, set={"train.epochs": "3"}).same_as.tag == "v1.0.0"


def test_forced_every_stage_runs(station, released):
    assert seen(station, force=True).plan.running == ("ready", "train")


def test_a_smoke_run_trains_with_its_own_parameters(station, released):
    change(station, params__yaml=PARAMS + b"smoke:\n  train:\n    epochs: 1\n")
    assert seen(station, smoke=True).plan.running == ("train",)
    assert seen(station).plan.unchanged


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"dvc__yaml": None, "dvc__lock": None}, "no dvc.yaml"),
        ({"dvc__yaml": b"stages: ["}, "cannot be read"),
        ({"dvc__yaml": b"stages:\n  each:\n    foreach: [1]\n    do:\n      cmd: x\n"}, "templates"),
        ({"dvc__lock": b"\xff"}, "cannot be read"),
    ],
    ids=["nothing", "broken", "templated", "no text"],
)
def test_what_cannot_be_read_is_never_called_unchanged(station, released, files, said):
    change(station, **files)
    found = seen(station)
    assert said in found.plan.problem
    assert not found.plan.unchanged
    assert found.same_as is None


def test_a_branch_of_too_many_files_is_left_to_the_machine(station, released):
    change(station)
    station.code.tree = lambda _commit: None
    found = seen(station)
    assert "more than 2,000 files" in found.plan.problem
    assert found.parameters["train"]["epochs"] == 3


# ------------------------------------------------------------------------------------------------ data, time, money


def test_a_machine_that_never_trained_fetches_up_to_everything_that_is_needed(station):
    station.code.contents[HEAD] = a_project(dvc__lock=None)
    found = seen(station)
    assert (found.pull.size, found.pull.at_most) == (1_200_000_000, True)


def test_what_the_machine_had_at_its_last_run_is_not_fetched_again(station, released):
    change(station, train__py=b"other\n")
    assert seen(station).pull.size == 0
    assert seen(station, line="bob").pull.size == READY["size"]


def test_a_changed_folder_counts_up_to_its_size(station, released):
    change(station, **{"data/raw__dvc": data_of("9", size=1_300_000_000)})
    found = seen(station)
    assert (found.pull.size, found.pull.at_most) == (1_300_000_000, True)


def test_data_of_unknown_size_is_unknown(station):
    station.code.contents[HEAD] = a_project(dvc__lock=None, **{"data/raw__dvc": data_of("9", size=None)})
    assert seen(station).pull.size is None


def test_without_a_machine_nothing_is_said_of_the_data(station):
    assert seen(station, line=None).pull.size is None


def test_time_and_cost_come_from_past_runs_and_the_price(station, released):
    station.prices["alice"] = 3.6
    found = seen(station, force=True)
    assert found.seconds >= 120
    assert found.dollars == pytest.approx(found.seconds * 3.6 / 3600)
    change(station, train__py=b"other\n")
    assert seen(station).seconds == pytest.approx(found.seconds - 20)
    station.prices.clear()
    assert seen(station).dollars is None
    assert seen(station, line="bob").seconds is None


def test_a_first_training_has_no_estimate(station):
    found = seen(station)
    assert (found.seconds, found.dollars) == (None, None)


# ------------------------------------------------------------------------------------------------ image


def test_where_nothing_is_built_there_is_no_word_of_an_image(station):
    assert seen(station).image is Image.NONE


@pytest.fixture
def building(tmp_path):
    made = Station(tmp_path, builds=True)
    made.code.contents[HEAD] = a_project()
    return made


def test_a_branch_without_a_dockerfile_trains_in_the_machine_s_image(building):
    assert seen(building).image is Image.LOCATION


def test_an_image_that_was_never_built_has_to_be(building):
    building.code.contents[HEAD] = a_project(Dockerfile__train=b"FROM x\nCOPY requirements.txt .\n")
    assert seen(building).image is Image.BUILD


@pytest.mark.parametrize(
    ("files", "image"),
    [
        ({}, Image.READY),
        ({"train__py": b"other\n"}, Image.READY),
        ({"requirements__txt": b"keras\n"}, Image.BUILD),
        ({"Dockerfile__train": b"FROM y\n"}, Image.BUILD),
    ],
    ids=["nothing", "code", "requirements", "Dockerfile"],
)
def test_an_image_is_ready_until_one_of_its_inputs_changes(building, files, image):
    inputs = {"Dockerfile__train": b"FROM x\nCOPY requirements.txt .\n", "requirements__txt": b"numpy\n"}
    building.code.contents[HEAD] = a_project(**inputs)
    building.train()
    building.tick()
    with building.store._database.write() as connection:
        connection.execute("UPDATE runs SET progress = json_object('image', json_object('name', 'x@sha256:1'))")
    change(building, **(inputs | files))
    assert seen(building).image is image


# ------------------------------------------------------------------------------------------------ what is refused


def whispers(station):
    return [row["text"] for row in station.said(None)]


def test_a_branch_that_is_released_already_starts_no_machine(station, released):
    starts = station.machines["alice"].starts
    station.train(tag="v1.0.1")
    station.tick(60)
    assert len(station.store.runs()) == 1
    assert station.machines["alice"].starts == starts
    (said,) = whispers(station)
    assert said.startswith("Nothing changed since `v1.0.0`, so nothing was started")
    assert "http://gitlab.test/v1.0.0" in said
    assert "`/train main v1.0.1 --force`" in said


def test_another_branch_with_the_same_content_is_released_already_too(station, released):
    station.code.heads["feature/mobilenet"] = RESULT
    station.train(branch="feature/mobilenet", tag="v2.0.0")
    station.tick()
    assert "Nothing changed since `v1.0.0`" in whispers(station)[0]


@pytest.mark.parametrize("options", [{"force": True}, {"set": {"train.epochs": "9"}}], ids=["forced", "a parameter"])
def test_what_is_wished_on_purpose_is_trained(station, released, options):
    station.store.requests.add(
        delivery="again", user="UALICE", channel="C1", branch="main", tag="v1.0.1", options=TrainOptions(**options)
    )
    station.tick()
    assert station.run(2).options == TrainOptions(**options)


def test_a_release_that_was_deleted_is_no_reason_to_refuse(station, released):
    station.code.releases.clear()
    station.train(tag="v1.0.1")
    station.tick()
    assert station.run(2).tag == "v1.0.1"


def test_a_gitlab_that_does_not_tell_lets_the_training_begin(station, released):
    def refuse(_commit):
        raise Unavailable("GitLab is in trouble.")

    change(station)
    station.code.tree = refuse
    station.train(tag="v1.0.1")
    station.tick()
    assert station.run(2).phase is not Phase.FAILED
    assert whispers(station) == []


def test_what_was_read_once_is_not_asked_for_again(station, released):
    asked = []
    read = station.code.file
    station.code.file = lambda path, ref: asked.append(path) or read(path, ref)
    change(station)
    seen(station)
    asked.clear()
    change(station, train__py=b"other\n")
    station.code.contents["e" * 40] = station.code.contents["d" * 40]
    station.code.heads["main"] = "e" * 40
    seen(station)
    assert asked == ["train.py"]


# ------------------------------------------------------------------------------------------------ lists from memory


def test_five_thousand_branches_are_searched_in_memory(station):
    scout = Scout(station.world)
    assert not scout.ready
    station.code.heads |= {f"topic/{number}": HEAD for number in range(5_000)}
    scout.refresh_all()
    assert scout.ready
    assert len(scout.branches("")) == 100
    assert scout.branches("TOPIC/499")[:2] == ["topic/499", "topic/4990"]
    assert scout.branches("nope") == []


def test_a_branch_that_memory_lacks_is_there_after_a_search(station):
    scout = Scout(station.world)
    scout.refresh()
    station.code.heads["brand-new"] = HEAD
    assert scout.branches("brand") == []
    scout.search("brand")
    assert scout.branches("brand") == ["brand-new"]


def test_a_branch_that_was_deleted_is_forgotten_by_the_next_look_at_all(station):
    scout = Scout(station.world)
    scout.refresh_all()
    del station.code.heads["feature/mobilenet"]
    scout.refresh_all()
    assert scout.branches("") == ["main"]


def test_only_the_newest_look_counts(station):
    scout = Scout(station.world)
    first, other = scout.begin("V1"), scout.begin("V2")
    assert first()
    second = scout.begin("V1")
    assert (first(), second(), other()) == (False, True, True)


def test_what_a_run_may_cost_is_known_and_whether_that_can_hold(tmp_path):
    station = Station(tmp_path, max_cost=10.0)
    station.code.contents[HEAD] = a_project()
    assert (seen(station).max_cost, seen(station).priced) == (10.0, False)
    station.prices["alice"] = 2.0
    assert (seen(station).max_cost, seen(station).priced) == (10.0, True)
    assert seen(station, line=None).max_cost is None
