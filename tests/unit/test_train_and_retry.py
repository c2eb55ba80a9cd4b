"""`/train` with its flags, and `/retry`: who may use which machine, who may try what again, and what is written."""

import pytest

from bot.runs.model import Kind, Reason, TrainOptions
from bot.slack.asked import command
from commands import request
from commands.desk import LocationFacts
from tests.doubles.runs import a_run
from tests.unit.test_commands import Office


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def test_flags_are_noted_with_the_request(office):
    assert office.type("/train main v1.0.0 --on pool --set train.epochs=3 --force") is None
    found = office.store.requests.claim()
    assert found.kind is Kind.TRAIN
    assert found.options == TrainOptions(on="pool", set={"train.epochs": "3"}, force=True)


def test_a_smoke_test_is_noted_without_a_tag(office):
    assert office.type("/train main --smoke") is None
    found = office.store.requests.claim()
    assert (found.kind, found.tag, found.options.smoke) == (Kind.SMOKE, "smoke-of-main", True)


def test_an_unknown_flag_is_said_at_once(office):
    assert "Did you mean `--smoke`?" in office.type("/train main v1.0.0 --smok")
    assert office.store.requests.claim() is None


@pytest.mark.parametrize(
    ("name", "user", "sentence"),
    [
        ("bob", "UALICE", "`bob` belongs to `bob@example.com`"),
        ("rack-2", "UALICE", "There is no location `rack-2`. There is `rack-1`."),
        ("rack-1", "UNEW", "We have not met yet"),
    ],
)
def test_a_machine_that_is_not_theirs_or_not_there_is_refused_at_once(office, name, user, sentence):
    said = office.type(f"/train main v1.0.0 --on {name}", user)
    assert said.startswith("Nothing was started.")
    assert sentence in said
    assert office.store.requests.claim() is None


@pytest.mark.parametrize(("name", "user"), [("Rack-1", "UALICE"), ("POOL", "UEVE"), ("bob", "UBOSS")])
def test_their_own_a_shared_one_and_for_an_admin_any_are_taken_by_the_name_of_the_settings(office, name, user):
    assert office.type(f"/train main v1.0.0 --on {name}", user) is None
    assert office.store.requests.claim().options.on == name.casefold()


def test_a_pool_and_one_of_its_machines_can_be_named(office):
    office.desk.locations["gpu-1"] = LocationFacts("gpu-1", shared=True, pool="gpus")
    for number, name in enumerate(("gpus", "gpu-1")):
        assert office.type(f"/train main v{number} --on {name}") is None
        assert office.store.requests.claim().options.on == name


def test_a_smoke_test_and_a_release_of_the_same_branch_do_not_meet(office):
    assert office.type("/train main v1.0.0 --smoke") is None
    office.accept()
    assert office.type("/train main v1.0.0") is None
    assert office.accept().kind is Kind.TRAIN


def test_what_the_thread_offers_to_type_is_read_as_the_same_again():
    options = TrainOptions(on="rack-1", set={"a.b": "two words", "c": "x=1"}, smoke=True, force=True)
    wanted = request.train(command(a_run(options=options)).removeprefix("/train "))
    assert (wanted.branch, wanted.tag, wanted.options) == ("main", "v1.0.0", options)


# /retry


def fail(office, line="/train main v1.0.0 --set a=1"):
    run = office.start(line)
    office.put(run.id, phase="failed", reason=Reason.NETWORK.value, ended_at=office.clock.now())
    return office.store.run(run.id)


@pytest.mark.parametrize("which", ["1", "#1", "v1.0.0"])
def test_a_failed_run_is_noted_to_be_tried_again_in_its_own_channel(office, which):
    failed = fail(office)
    woken = office.woken
    assert office.type(f"/retry {which}") is None
    found = office.store.requests.claim()
    assert (found.retry_of, found.branch, found.tag) == (1, failed.branch, failed.tag)
    assert (found.options, found.channel) == (failed.options, failed.channel)
    assert office.woken == woken + 1


def test_only_its_owner_and_an_admin_may_try_it_again(office):
    fail(office)
    assert "belongs to alice: only they or an admin can try it again" in office.type("/retry 1", "UBOB")
    assert office.store.requests.claim() is None
    assert office.type("/retry 1", "UBOSS") is None


def test_pressing_twice_is_said_and_is_one_request(office):
    fail(office)
    assert office.type("/retry 1") is None
    assert office.type("/retry 1", "UBOSS") == "I have that already: run 1 is being tried again."


@pytest.mark.parametrize(
    ("phase", "sentence"),
    [
        ("queued", "is still going on"),
        ("released", "is released: there is nothing to try again. `/train main &lt;tag&gt;` trains anew."),
        ("tested", "passed its smoke test"),
    ],
)
def test_there_is_a_sentence_when_there_is_nothing_to_try_again(office, phase, sentence):
    run = office.start()
    office.put(run.id, phase=phase, ended_at=None if phase == "queued" else office.clock.now())
    assert sentence in office.type("/retry 1")


@pytest.mark.parametrize(("text", "sentence"), [("", "Which run?"), ("7", "There is no run 7"), ("a b", "Which run?")])
def test_a_run_that_is_not_there_is_said_so(office, text, sentence):
    assert sentence in office.type(f"/retry {text}")


def test_runs_shows_what_was_asked_for(office):
    fail(office)
    assert "with `a = 1`" in office.type("/runs 1")
