import json

import pytest

from bot.runs.charges import Cost
from bot.runs.model import Kind, Note, Phase, Reason
from bot.slack.ending import terminal
from bot.slack.milestones import milestone
from tests.doubles.cards import a_card, shown
from tests.doubles.runs import START, a_run

TIMES = {
    Phase.QUEUED: START,
    Phase.STARTING: START + 3,
    Phase.PREPARING: START + 45,
    Phase.TRAINING: START + 50,
    Phase.PUBLISHING: START + 230,
    Phase.RELEASING: START + 235,
}


# images


IMAGE = "registry.test/team/fruits@sha256:" + "1" * 64
NAME = "registry.test/team/fruits:train_main-0d6e4079"
BUILT = {"kind": Kind.BUILD, "tag": "train_main-0d6e4079"}


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"what": "image-building", "why": []}, "Building the image of `main`, which is not here yet."),
        ({"what": "image-building", "why": ["Dockerfile.train"]}, "Building the image: `Dockerfile.train` changed."),
        (
            {"what": "image-building", "why": ["a", "b", "c", "d", "e"]},
            "Building the image: `a`, `b`, `c` and 2 more changed.",
        ),
        (
            {"what": "image-ready", "state": "pushed", "seconds": 180, "name": "r.test/x:y"},
            "Image built in 3 min, pushed as `r.test/x:y`.",
        ),
        (
            {"what": "image-ready", "state": "built", "seconds": 180, "name": "stationmaster/x:y"},
            "Image built in 3 min: `stationmaster/x:y`. It stays at this machine.",
        ),
        (
            {"what": "image-ready", "state": "pulled", "seconds": 20, "name": "r.test/x:y"},
            "Image pulled in 20 s: `r.test/x:y`.",
        ),
    ],
)
def test_an_image_is_told_of_in_one_sentence(facts, said):
    assert shown(milestone(a_run(Phase.BUILDING), Note("milestone", data=facts))) == said


def test_the_card_of_a_training_shows_the_image_only_where_one_is_made():
    times = {Phase.QUEUED: START, Phase.STARTING: START + 10, Phase.PREPARING: START + 20}
    with_image = a_run(Phase.BUILDING, times={**times, Phase.BUILDING: START + 30})
    assert "data ✓ · *image* · training · saving" in shown(a_card(with_image))
    without = a_run(Phase.TRAINING, times={**times, Phase.TRAINING: START + 30})
    assert "data ✓ · *training* · saving" in shown(a_card(without))


def test_the_card_of_an_image_names_its_branch_its_way_and_no_release():
    times = {Phase.QUEUED: START, Phase.STARTING: START + 10, Phase.PREPARING: START + 20}
    card_shown = shown(a_card(a_run(Phase.BUILDING, times={**times, Phase.BUILDING: START + 30}, **BUILT)))
    assert "Run 42 · image of main" in card_shown
    assert "machine ✓ · code ✓ · *image*" in card_shown
    assert "release" not in card_shown


def test_a_built_image_ends_with_its_name_by_digest_and_how_to_train_in_it():
    run = a_run(
        Phase.BUILT, result={"image": IMAGE, "image_name": NAME}, progress={"image": {"state": "pushed"}}, **BUILT
    )
    said = shown(terminal(run, Note("terminal")))
    assert "*The image of `main` is built.*" in said
    assert f"`{NAME}`" in said
    assert IMAGE in said
    assert "`/train main &lt;tag&gt;` trains in it" in said
    assert f"*Built* after 0 s: `{NAME}`" in shown(a_card(run))


def test_an_image_that_stays_at_its_machine_is_called_by_its_name_and_not_by_its_id():
    result = {"image": "sha256:" + "1" * 64, "image_name": "stationmaster/team/fruits:train_main-0d6e4079"}
    run = a_run(Phase.BUILT, result=result, progress={"image": {"state": "built"}}, **BUILT)
    for said in (shown(terminal(run, Note("terminal"))), shown(a_card(run))):
        assert "`stationmaster/team/fruits:train_main-0d6e4079`" in said
        assert "sha256" not in said


def test_an_image_that_was_there_is_said_to_have_been_there():
    run = a_run(Phase.BUILT, result={"image": IMAGE, "image_name": NAME}, **BUILT)
    assert "is there already, nothing of it changed" in shown(terminal(run, Note("terminal")))
    assert f"*Was there already*: `{NAME}`" in shown(a_card(run))


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.CANCELLED])
def test_an_image_that_was_not_made_says_so_and_nothing_of_releases(phase):
    detail = {"step": "build", "message": "Dockerfile.train could not be built.", "lines": ["no space"]}
    run = a_run(phase, reason=Reason.IMAGE, detail=detail, ended_at=START + 60, **BUILT)
    said = shown(terminal(run, Note("terminal")))
    assert "No image was made" in said
    assert "release" not in said.lower()
    if phase is Phase.FAILED:
        assert "failed while building the image" in said
        assert "Once that is put right, `/build-image main` starts over." in said


def test_an_image_that_the_network_kept_from_being_made_is_tried_again():
    run = a_run(Phase.FAILED, reason=Reason.NETWORK, detail={"step": "build"}, ended_at=START + 60, **BUILT)
    assert "No image was made: `/build-image main` tries again." in shown(terminal(run, Note("terminal")))


def test_a_run_for_an_image_fetches_code_and_says_so():
    run = a_run(Phase.PREPARING, **BUILT)
    assert "*Fetching the code*" in shown(a_card(run))
    times = {Phase.PREPARING: START, Phase.BUILDING: START + 2}
    assert "Took 3 s: code 2 s" in shown(
        terminal(
            a_run(Phase.BUILT, times={**times, Phase.BUILT: START + 3}, ended_at=START + 3, **BUILT), Note("terminal")
        )
    )


# milestones


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"what": "your-turn", "waited": 192}, "<@UALICE> Your turn: `rack-1` is free after 3 min 12 s."),
        ({"what": "machine-starting"}, "Starting the machine `rack-1`."),
        ({"what": "machine-ready", "seconds": 42}, "The machine answers after 42 s."),
        (
            {"what": "prepared", "files": 1_234, "bytes": 56_700_000, "seconds": 12},
            "Code and data are ready after 12 s: fetched 1,234 files (57 MB).",
        ),
        ({"what": "prepared", "seconds": 1.2}, "Code and data are ready after 1.2 s: everything was there already."),
        ({"what": "unchanged"}, "Nothing changed since the last training, so no stage had to run."),
        (
            {"what": "published", "commit": "c" * 40, "branch": "main", "objects": 12, "bytes": 34_000_000},
            "The result is saved: commit `cccccccc` on `main`, tag `v1.0.0`, 12 objects (34 MB).",
        ),
        (
            {"what": "retrying", "step": "publish", "attempt": 2, "cause": "network", "seconds": 5},
            "Saving the result did not work: the network failed. Trying again in 5 s (attempt 2).",
        ),
        ({"what": "warning", "text": "<!channel> low disk"}, "A warning: &lt;!channel&gt; low disk"),
        ({"what": "cancelling", "by": "UALICE"}, "Cancelling, as asked."),
        ({"what": "cancelling", "by": "UBOB"}, "Cancelling: bob asked for it."),
        (
            {"what": "start-slow", "waits_for": "running"},
            "`rack-1` takes longer than usual to start: it is on, but does not answer yet.",
        ),
        ({"what": "notice", "text": "`job` was ended: the run has ended."}, "`job` was ended: the run has ended."),
        ({"what": "moonrise"}, "Moonrise"),
        ({}, "Something happened."),
    ],
)
def test_a_milestone_is_one_plain_sentence(facts, said):
    message = milestone(a_run(), Note("milestone", data=facts), names={"UBOB": "bob"})
    assert shown(message) == message.text == said


def test_a_branch_that_moved_on_is_said_with_where_the_result_is():
    facts = {"what": "published", "commit": "c" * 40, "branch": "train/run-42", "diverged": True}
    text = milestone(a_run(), Note("milestone", data=facts)).text
    assert "on `train/run-42`" in text
    assert "`main` moved on" in text
    assert "a branch of its own" in text


def test_three_hundred_stages_are_a_few_lines_and_two_counts():
    items = [{"name": f"s{n}", "index": n, "of": 300, "state": "skipped"} for n in range(1, 281)]
    items += [{"name": f"s{n}", "index": n, "of": 300, "state": "finished", "seconds": 2} for n in range(281, 301)]
    text = shown(milestone(a_run(), Note("milestone", data={"what": "stages", "items": items})))
    assert "Stage 300 of 300, `s300`, finished in 2 s." in text
    assert "12 stages finished before these." in text
    assert "280 stages did not change." in text
    assert text.count("\n") == 9


# the end


def test_a_release_is_told_with_metrics_against_the_last_one_time_link_and_how_to_use_it():
    run = a_run(
        Phase.RELEASED,
        ended_at=START + 240,
        times=TIMES | {Phase.RELEASED: START + 240},
        result={
            "release_url": "https://gitlab.test/r/v1.0.0",
            "public_url": "https://public.test/team/fruits/v1.0.0/train.dvc",
            "metrics": {"metrics.json": {"accuracy": 0.93, "loss": 0.2}},
        },
    )
    against = {"tag": "v0.9.0", "branch": "main", "metrics": {"accuracy": 0.9}, "params": {}}
    note = Note("terminal", data={"against": [against]})
    message = terminal(run, note, key="k", cost=Cost(0.421, 6.3))
    text = shown(message)
    assert text.startswith("<@UALICE> *v1.0.0 is released.* <https://gitlab.test/r/v1.0.0|Open the release>")
    assert "accuracy    0.93      +0.03" in text
    assert "loss         0.2        new" in text
    assert "Compared with `v0.9.0`, the last release of `main`." in text
    assert "Parameters" not in text
    assert "curl -fLO https://public.test/team/fruits/v1.0.0/train.dvc\ndvc pull train.dvc" in text
    assert (
        "Took 4 min: waiting 3 s, machine 42 s, data 5 s, training 3 min, saving 5 s, release 5 s. It cost $0.42."
        in text
    )
    assert json.dumps(message.blocks).count("<@") == 1


def test_where_nothing_was_spent_or_the_price_is_not_known_nothing_is_said_of_money():
    run = a_run(Phase.FAILED, reason=Reason.NO_CAPACITY, ended_at=START + 45)
    assert "$" not in shown(terminal(run, Note("terminal"), cost=Cost(0.0, 6.3)))
    assert "$" not in shown(terminal(run, Note("terminal")))


def test_an_unchanged_model_is_said_to_be_that_of_the_other_release():
    run = a_run(Phase.RELEASED, ended_at=START + 9)
    assert "the model is the same as in `v0.9.0`" in shown(terminal(run, Note("terminal", data={"same_as": "v0.9.0"})))


def test_a_result_beside_a_moved_branch_comes_with_its_merge_request():
    result = {"diverged": True, "merge_request_url": "https://gitlab.test/mr/1"}
    text = shown(terminal(a_run(Phase.RELEASED, ended_at=START + 9, result=result), Note("terminal")))
    assert "`main` moved on meanwhile. <https://gitlab.test/mr/1|This merge request> brings the result over." in text


def test_a_result_whose_branch_was_deleted_says_where_it_is():
    run = a_run(Phase.RELEASED, ended_at=START + 9, result={"diverged": True, "branch": "train/run-42"})
    text = shown(terminal(run, Note("terminal")))
    assert "`main` was deleted meanwhile, so the result is on `train/run-42`." in text


def test_a_failure_names_stage_cause_last_lines_the_log_and_what_to_do():
    detail = {"stage": "train", "step": "repro", "message": "Exit code 1.", "lines": [f"line {n}" for n in range(40)]}
    run = a_run(Phase.FAILED, reason=Reason.CODE, detail=detail, log_read=10, ended_at=START + 60)
    text = shown(terminal(run, Note("terminal")))
    assert "<@UALICE> *Run 42 failed in the stage `train`.* The project's own code failed.\nExit code 1." in text
    assert "```line 25\n" in text
    assert "line 39```" in text
    assert "The full log is attached to this thread." in text
    assert "push a fix to `main`, then `/train main v1.0.0`" in text


def test_a_failed_start_says_that_the_machine_is_being_stopped_only_when_it_is():
    run = a_run(Phase.FAILED, reason=Reason.START_TIMEOUT)
    assert "being stopped" not in shown(terminal(run, Note("terminal")))
    told = shown(terminal(run, Note("terminal", data={"stopping": True})))
    assert "so it was given back. Try again" in told
    assert "The machine is being stopped again." in told


def test_a_failed_release_of_a_saved_result_does_not_send_people_to_train_again():
    run = a_run(Phase.FAILED, reason=Reason.PUBLIC_LINK, result={"commit": "c" * 40}, ended_at=START + 60)
    text = shown(terminal(run, Note("terminal")))
    assert "it is saved as `v1.0.0`, only the release is missing" in text
    assert "/train" not in text


def test_every_reason_has_a_last_message():
    for reason in Reason:
        assert "*Run 42 failed" in shown(terminal(a_run(Phase.FAILED, reason=reason), Note("terminal")))


def test_a_cancelled_run_says_by_whom():
    run = a_run(Phase.CANCELLED, reason=Reason.CANCELLED, cancelled_by="UBOB", ended_at=START + 5, log_read=3)
    text = shown(terminal(run, Note("terminal"), names={"UBOB": "bob"}))
    assert "*Run 42 was cancelled by bob.* Nothing was released, `v1.0.0` is still free." in text
    assert "What it wrote until then is attached" in text
