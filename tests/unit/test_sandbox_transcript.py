"""What `demo --once` prints of the page's events."""

from bot.sandbox.transcript import Transcript

ME = "U1"
CARD = "100.1"


def transcript(command="/train main v1.0.0"):
    return Transcript(command, me=ME, names={ME: "@alice"})


def event(text, kind="message", **fields):
    message = {"ts": "100.9", "thread_ts": None, "bot": True, "ephemeral": False, "files": [], "blocks": None}
    return {"type": kind, "message": {**message, "text": text, **fields}}


def card(status="Starting", kind="message"):
    return event(f"Run 1 · main → v1.0.0: {status}", kind, ts=CARD)


def reply(text, **fields):
    return event(text, thread_ts=CARD, **fields)


def test_the_card_of_the_run_is_recognised_by_its_tag():
    heard = transcript()
    assert heard.hear(card()) == ["card    Run 1 · main → v1.0.0: Starting"]
    assert heard.runs


def test_a_card_of_another_tag_is_somebody_elses():
    heard = transcript()
    assert heard.hear(event("Run 2 · main → v1.0.0-rc1: Starting")) == []
    assert heard.hear(event("Run 3 · main → v1.0.0.1: Starting")) == []
    assert not heard.runs


def test_the_tag_is_known_also_between_flags():
    assert transcript("/train main --set train.epochs=3 v1.0.0 --force").tag == "v1.0.0"
    assert transcript("/train main v1.0.0 --what").tag is None


def test_a_smoke_test_is_recognised_by_its_branch_and_ends_with_whether_it_passed():
    heard = transcript("/train feature/wider --smoke")
    assert heard.hear(event("Run 2 · smoke test of feature/wider/two: Starting")) == []
    assert heard.hear(event("Run 1 · smoke test of feature/wider: Starting", ts=CARD))
    heard.hear(reply(f"<@{ME}> Run 1 · smoke test of feature/wider: The smoke test of feature/wider passed."))
    assert (heard.smoke, heard.ended, heard.passed) == (True, True, True)


def test_a_card_that_says_nothing_new_adds_no_line():
    heard = transcript()
    heard.hear(card())
    assert heard.hear(card(kind="changed")) == []
    assert heard.hear(card("Training", "changed")) == ["card    Run 1 · main → v1.0.0: Training"]


def test_the_thread_is_printed_line_by_line():
    heard = transcript()
    heard.hear(card())
    assert heard.hear(reply("Stage one.\nStage two.")) == ["thread  Stage one.", "        Stage two."]


def test_the_thread_of_another_run_is_not():
    heard = transcript()
    heard.hear(card())
    assert heard.hear(event("Elsewhere", thread_ts="55.5")) == []


def test_the_message_that_mentions_the_person_is_the_last_word():
    heard = transcript()
    heard.hear(card())
    heard.hear(reply("The machine answers."))
    assert not heard.ended
    assert heard.hear(reply("<@U1> *v1.0.0 is released.*")) == ["thread  @alice v1.0.0 is released."]
    assert heard.ended


def test_a_file_that_arrives_late_is_named_once():
    heard = transcript()
    heard.hear(card())
    with_file = {"thread_ts": CARD, "files": [{"id": "F1", "name": "run-1.log", "title": "Full log"}]}
    assert heard.hear(event("", **with_file)) == ["thread  [file: Full log]"]
    assert heard.hear(event("", "changed", **with_file)) == []


def test_an_answer_that_only_the_person_sees_is_marked():
    heard = transcript()
    assert heard.hear(event("No branch `man`.", ephemeral=True)) == ["you     No branch `man`."]
    assert heard.answered
    assert not heard.runs


def test_other_commands_show_what_the_bot_says_to_everybody():
    heard = transcript("/locations")
    assert heard.hear(event("alice: stopped")) == ["all     alice: stopped"]
    assert heard.answered


def test_what_people_say_meanwhile_is_left_out():
    heard = transcript()
    assert heard.hear(event("about v1.0.0 ...", bot=False)) == []
    assert heard.hear({"type": "app", "connected": True}) == []


def test_a_train_command_without_a_tag_waits_for_no_card():
    heard = transcript("/train main")
    assert heard.trains
    assert heard.tag is None
