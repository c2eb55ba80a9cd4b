"""The note in a branch's merge request: written after a release, changed by the next; no run waits for it."""

import pytest

from bot.engine.merge_notes import LOOK_SECONDS, MARKER, TRIES, body, write_notes
from bot.errors import NotFound, Unauthorised, Unavailable
from bot.runs.model import Phase
from tests.doubles.runs import a_run
from tests.doubles.station import Station


@pytest.fixture
def station(tmp_path):
    station = Station(tmp_path)
    station.code.open_requests.add("main")
    return station


def look(station, seconds=LOOK_SECONDS):
    station.clock.advance(seconds)
    write_notes(station.world)


def release(station, number=1, **wanted):
    station.train(**wanted)
    return station.train_to_release(number)


def test_a_release_writes_its_metrics_into_the_branchs_merge_request(station):
    run = release(station)
    assert station.code.notes == {}
    look(station)
    said = station.code.notes["main"]
    assert said.startswith(MARKER)
    assert f"**Released as [`v1.0.0`]({run.result['release_url']})** by run 1" in said
    assert "| `accuracy` | `0.9` |" in said


def test_the_next_release_of_the_branch_changes_the_note(station):
    release(station)
    look(station)
    release(station, 2, tag="v1.1.0")
    look(station)
    assert "| Metric | v1.1.0 | v1.0.0 | Change |" in station.code.notes["main"]
    assert "by run 1" not in station.code.notes["main"]


def test_two_releases_before_the_first_look_leave_the_later_one(station):
    release(station)
    release(station, 2, tag="v1.1.0")
    look(station)
    look(station)
    assert "by run 2" in station.code.notes["main"]
    assert station.store.merge_notes.due() == []


def test_a_branch_without_a_merge_request_is_done_with(station):
    station.code.open_requests.clear()
    release(station)
    look(station)
    assert station.code.notes == {}
    assert station.store.merge_notes.due() == []


def test_a_run_that_fails_writes_nothing(station):
    station.train()
    station.until_step("prepare").play("prepare")
    station.until_step("repro").finish(1)
    station.until_phase(Phase.FAILED)
    station.tick(60)
    assert station.store.merge_notes.due() == []


def test_while_gitlab_is_away_it_is_tried_again_and_the_release_is_there_all_the_same(station):
    run = release(station)
    station.code.errors += [Unavailable("away"), Unavailable("away")]
    look(station)
    assert run.phase is Phase.RELEASED
    assert station.code.notes == {}
    for _ in range(10):
        look(station)
    assert "by run 1" in station.code.notes["main"]


@pytest.mark.parametrize("error", [Unauthorised("403"), NotFound("404"), RuntimeError("a defect")])
def test_a_refusal_fails_nothing_and_is_not_repeated_for_ever(station, error):
    run = release(station)
    station.code.errors += [error] * 50
    for _ in range(TRIES + 2):
        look(station, 4_000)
    assert station.run().phase is run.phase
    assert station.store.merge_notes.due() == []
    assert station.code.notes == {}


def test_a_bot_that_was_killed_before_the_note_writes_it_after_its_start(station):
    release(station)
    station.store.close()
    station.boot()
    look(station)
    assert "by run 1" in station.code.notes["main"]


def test_hostile_names_are_only_text_in_one_row():
    metrics = {
        "@all |\n/close": 1.0,
        "`x`": float("nan"),
        "name" * 100_000: "text",
        **{f"m{at}": at for at in range(300)},
    }
    run = a_run(Phase.RELEASED, tag="v|1", branch="x`@all", result={"metrics": metrics})
    said = body(run)
    assert "| `@all \\| /close` | `1` |" in said
    assert "`x'@all`" in said
    assert len(said) < 20_000
    assert not any(line.startswith("/") for line in said.splitlines())
    assert "| and 242 more | |" in said
