"""A worse model: its release waits, until somebody who may decides."""

import json
import sqlite3
import threading

import pytest

from bot.errors import Unavailable
from bot.runs.model import Phase, Reason
from bot.runs.store import TO_DO
from tests.doubles.station import Station

GATES = b"gates:\n  accuracy: {better: higher, tolerance: 0.01}\n"


@pytest.fixture
def station(tmp_path):
    station = Station(tmp_path, approvers=frozenset({"UBOSS"}))
    station.gates(GATES)
    return station


def publish(station, number, accuracy, **also):
    """Play a run up to its result, which measured that."""
    for step in ("prepare", "repro"):
        station.until_step(step, number).play(step)
    machine = station.until_step("publish", number)
    machine.publish(metrics={} if accuracy is None else {"accuracy": accuracy}, **also)
    machine.finish()


def train(station, tag, accuracy, branch="main", **also):
    assert station.train(branch, tag)
    station.tick()
    number = station.store.run_of_tag("team/fruits", tag).id
    publish(station, number, accuracy, **also)
    station.until(lambda: station.run(number).phase in (Phase.RELEASED, Phase.HELD_BACK))
    return station.run(number)


def release(station, run, *, user="UBOSS", reason="the test images are harder"):
    decided = station.store.verdicts.release(run.id, user=user, who="boss@example.com", reason=reason)
    station.tick()
    return decided


def asked(station, number):
    """The notes that ask for a decision."""
    rows = [json.loads(row["data"]) for row in station.said(number, "milestone")]
    return [data for data in rows if data["what"] == "held-back"]


def test_a_first_release_has_nothing_to_be_compared_with(station):
    assert train(station, "v1", 0.4).phase is Phase.RELEASED


def test_a_worse_model_is_saved_and_its_release_waits_without_a_machine(station):
    train(station, "v1", 0.9)
    run = train(station, "v2", 0.8)
    assert (run.phase, run.holds, run.ended_at) == (Phase.HELD_BACK, False, None)
    assert run.progress["gate"] == ["`accuracy` is 0.8, worse by 0.1 than the 0.9 of `v1`; 0.01 is allowed."]
    assert asked(station, run.id) == [{"what": "held-back", "approvers": ["UBOSS"]}]
    assert station.store.next_due() is None
    station.tick(100_000)
    assert station.run(run.id).phase is Phase.HELD_BACK
    assert list(station.code.releases) == ["v1"]
    assert len(asked(station, run.id)) == 1


def test_a_run_that_waits_keeps_its_tag_and_lets_others_train(station):
    train(station, "v1", 0.9)
    train(station, "v2", 0.8)
    station.train("main", "v2", user="UBOB")
    station.tick()
    assert station.store.run(3) is None
    assert train(station, "v3", 0.95).phase is Phase.RELEASED


@pytest.mark.parametrize("accuracy", [0.89, 0.9, 0.99])
def test_a_model_within_the_tolerance_is_released_by_itself(station, accuracy):
    train(station, "v1", 0.9)
    assert train(station, "v2", accuracy).phase is Phase.RELEASED


def test_the_best_release_of_the_default_branch_counts_and_no_other(station):
    train(station, "v1", 0.9)
    train(station, "v2", 0.895)
    train(station, "m1", 0.99, branch="feature/mobilenet")
    assert train(station, "v3", 0.885).progress["gate"] == [
        "`accuracy` is 0.885, worse by 0.015 than the 0.9 of `v1`; 0.01 is allowed."
    ]


def test_a_branch_cannot_lower_its_own_gate(station):
    train(station, "v1", 0.9)
    station.gates(b"gates: {accuracy: {better: higher, tolerance: 1}}", branch="feature/mobilenet")
    assert train(station, "m1", 0.5, branch="feature/mobilenet").phase is Phase.HELD_BACK


def test_what_a_run_pushes_to_the_default_branch_cannot_lower_its_gate(station):
    train(station, "v1", 0.9)
    station.train("main", "v2")
    station.tick()
    station.code.heads["main"] = "d" * 40
    station.gates(b"gates: {accuracy: {better: higher, tolerance: 1}}")
    publish(station, 2, 0.5)
    station.until(lambda: station.run(2).phase is Phase.HELD_BACK)


@pytest.mark.parametrize(
    ("content", "accuracy", "said"),
    [
        (GATES, None, "`accuracy` is not among the metrics of this result."),
        (GATES, "high", "`accuracy` is `high`, which cannot be compared."),
        (b"gates: {f1: {better: higher}}", 0.9, "`f1` is not among the metrics of this result."),
        (b"gates: {f1: {bettr: higher}}", 0.9, "The gates of `main` cannot be read"),
        (b"gates: {", 0.9, "The gates of `main` cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_held_back_with_a_sentence(station, content, accuracy, said):
    station.gates(content)
    run = train(station, "v1", accuracy)
    assert run.phase is Phase.HELD_BACK
    assert run.progress["gate"][0].startswith(said)


def test_nothing_is_released_while_gitlab_does_not_tell_the_gates(station):
    train(station, "v1", 0.9)
    assert station.train("main", "v2")
    for step in ("prepare", "repro"):
        station.until_step(step, 2).play(step)
    machine = station.until_step("publish", 2)
    machine.publish(metrics={"accuracy": 0.8})
    station.code.errors = [Unavailable("GitLab is away")] * 3
    machine.finish()
    station.until_phase(Phase.HELD_BACK, 2)
    assert station.code.errors == []


def test_metrics_that_the_teams_code_tells_itself_count_for_nothing(station):
    train(station, "v1", 0.9)
    assert station.train("main", "v2")
    station.until_step("prepare", 2).play("prepare")
    machine = station.until_step("repro", 2)
    machine.publish(metrics={"accuracy": 1.0})
    machine.play("repro")
    machine = station.until_step("publish", 2)
    machine.publish(metrics={"accuracy": 0.5})
    machine.finish()
    station.until(lambda: station.run(2).phase is Phase.HELD_BACK)


def test_released_all_the_same_the_reason_is_in_the_notes_and_in_the_journal(station):
    train(station, "v1", 0.9)
    run = train(station, "v2", 0.8)
    assert release(station, run) is not None
    run = station.run(run.id)
    assert run.phase is Phase.RELEASED
    notes = station.code.releases["v2"].description
    assert "- `accuracy` is 0.8, worse by 0.1 than the 0.9 of `v1`; 0.01 is allowed." in notes
    assert "Released by boss\\@example.com, who says why:\n\n> the test images are harder" in notes
    (entry,) = [each for each in station.store.journal.of_run(run.id) if each["deed"] == "release-anyway"]
    assert (entry["actor"], json.loads(entry["data"])) == ("UBOSS", {"reason": "the test images are harder"})
    assert len(station.said(run.id, "terminal")) == 1


def test_what_a_decision_took_is_not_counted_as_the_usual_time_of_a_run(station):
    train(station, "v1", 0.9)
    run = train(station, "v2", 0.8)
    entered = run.times[Phase.RELEASING]
    station.clock.advance(100_000)
    release(station, run)
    assert station.run(run.id).times[Phase.RELEASING] == entered


def test_discarded_it_ends_with_its_own_reason_and_what_was_saved_stays(station):
    train(station, "v1", 0.9)
    run = train(station, "v2", 0.8)
    assert station.store.verdicts.discard(run.id, user="UALICE") is not None
    station.tick()
    run = station.run(run.id)
    assert (run.phase, run.reason, run.cancelled_by) == (Phase.CANCELLED, Reason.DISCARDED, "UALICE")
    assert "v2" not in station.code.releases
    assert run.result["commit"]
    assert len(station.said(run.id, "terminal")) == 1


def test_a_discarded_result_that_is_tried_again_is_asked_about_again(station):
    train(station, "v1", 0.9)
    run = train(station, "v2", 0.8)
    station.store.verdicts.discard(run.id, user="UALICE")
    station.tick()
    station.code.tags_made["v2"] = "c" * 40
    station.code.messages["v2"] = f"Run-Uid: {run.uid}"
    station.retry(station.run(run.id))
    station.tick()
    again = station.run(3)
    assert (again.phase, again.progress["gate"]) == (Phase.HELD_BACK, run.progress["gate"])


def test_a_release_that_failed_after_the_decision_is_not_asked_about_again(station):
    train(station, "v1", 0.9)
    run = train(station, "v2", 0.8)
    station.code.release_errors = [Unavailable("away")] * 10_000
    release(station, run)
    station.until_phase(Phase.FAILED, run.id)
    station.code.release_errors.clear()
    station.code.tags_made["v2"] = "c" * 40
    station.code.messages["v2"] = f"Run-Uid: {run.uid}"
    station.retry(station.run(run.id))
    station.tick()
    assert station.run(3).phase is Phase.RELEASED
    assert "the test images are harder" in station.code.releases["v2"].description


def test_of_people_who_decide_at_once_one_does(station):
    train(station, "v1", 0.9)
    run = train(station, "v2", 0.8)
    verdicts, start, decided = station.store.verdicts, threading.Barrier(6), []

    def decide(number):
        start.wait()
        if number % 2:
            decided.append(verdicts.discard(run.id, user=f"U{number}"))
        else:
            decided.append(verdicts.release(run.id, user=f"U{number}", who="x", reason="y"))

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([each for each in decided if each is not None]) == 1
    station.tick()
    assert station.run(run.id).phase in (Phase.RELEASED, Phase.CANCELLED)


def test_nobody_decides_on_a_run_that_is_not_held_back(station):
    run = train(station, "v1", 0.9)
    assert station.store.verdicts.discard(run.id, user="UALICE") is None
    assert station.store.verdicts.release(run.id, user="UBOSS", who="x", reason="y") is None


def test_a_run_that_waits_is_looked_for_by_the_index(station):
    """The condition of the index and that of the query are kept alike by hand."""
    connection = sqlite3.connect(station.folder / "ledger.sqlite")
    (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'runs_to_do'").fetchone()
    connection.close()
    assert sql.partition(" WHERE ")[2] == TO_DO.removeprefix("(").removesuffix(")")
