"""What the ledger says arrives in Slack: in order, once, and no faster than Slack likes."""

import pytest

from bot.ports import Person
from bot.runs.lines import Lines
from bot.runs.model import Note, Phase, Reason
from tests.doubles.delivery_desk import Desk


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


# the way it usually goes


def test_a_new_run_is_a_card_and_its_message_is_the_thread(desk):
    run = desk.accept()
    desk.delivery.deliver()
    (root,) = desk.chat.roots()
    assert "Run 1" in root.text
    assert desk.store.run(run.id).thread == root.ts
    assert desk.store.stale_cards() == []


def test_a_thread_has_its_milestones_in_order_and_one_last_message(desk):
    desk.accept()
    desk.say("machine-starting")
    desk.settle()
    desk.say("machine-ready", "unchanged")
    desk.end()
    desk.settle()
    text = "\n".join(desk.thread())
    assert text.index("Starting the machine") < text.index("The machine answers") < text.index("Nothing changed")
    assert [said.count("<@UALICE>") for said in desk.thread()] == [0, 0, 1]
    assert desk.store.outbox.next_due() is None


def test_the_card_follows_the_run_to_its_end(desk):
    desk.accept()
    desk.settle()
    desk.end()
    desk.settle()
    (root,) = desk.chat.roots()
    assert "Failed" in root.text
    assert desk.store.stale_cards() == []


def test_the_card_and_the_last_message_say_what_the_run_costs(desk):
    desk.accept()
    run, lease = desk.store.claim()
    desk.store.reserve(run, lease)
    for _ in range(7):
        desk.store.machines.saw("rack-1", "running", price=1.2)
        desk.clock.advance(300)
    desk.settle(1.0)
    (root,) = desk.chat.roots()
    assert "$0.70 so far, at $1.20 an hour" in str(root.message.blocks)
    desk.end()
    desk.settle()
    assert "It cost $0.70." in str(desk.chat.thread(root.ts)[-1].message.blocks)


def test_the_full_log_is_a_file_in_the_thread(desk):
    run = desk.accept()
    (desk.folder / f"run-{run.uid}.log").write_bytes(b"\xffline\n" * 10)
    desk.move(1, Note("terminal"), Note("log-file"), phase=Phase.FAILED, reason=Reason.CODE, log_read=60)
    desk.settle()
    assert desk.chat.thread(desk.store.run(1).thread)[-1].file == ("run-1.log", b"\xffline\n" * 10)


def test_a_log_that_is_not_there_holds_nothing_up(desk):
    desk.accept()
    desk.move(1, Note("log-file"), Note("terminal"), phase=Phase.FAILED, reason=Reason.CODE)
    desk.settle()
    assert len(desk.thread()) == 1


def test_a_refusal_is_whispered_to_the_one_who_asked(desk):
    desk.store.requests.add(delivery="1", user="UBOB", channel="C1", branch="x", tag="v1")
    desk.store.requests.refuse(desk.store.requests.claim(), "No branch `x`. Ask <@UALICE>. <!channel>")
    desk.settle()
    ((channel, user, message),) = desk.chat.whispers
    assert (channel, user) == ("C1", "UBOB")
    assert message.text == "No branch `x`. Ask <@UALICE>. &lt;!channel&gt;"


# how fast


def test_in_one_channel_posts_stay_near_one_a_second(desk):
    for number in range(30):
        desk.accept(f"v1.0.{number}", location=f"rack-{number}")
    desk.delivery.deliver()
    assert len(desk.chat.roots()) <= 8
    desk.settle(40)
    assert len(desk.chat.roots()) == 30


def test_the_edits_of_ten_runs_stay_under_slacks_fifty_a_minute(desk):
    for number in range(10):
        desk.accept(f"v1.0.{number}", location=f"rack-{number}")
    desk.settle(60)
    before = desk.chat.calls.count("update")
    for second in range(60):
        for run_id in range(1, 11):
            desk.move(run_id, progress={"metric": {"step": second}})
        desk.settle(1)
    assert 30 <= desk.chat.calls.count("update") - before <= 60


def test_the_last_message_does_not_wait_behind_a_busy_channel(desk):
    for number in range(12):
        desk.accept(f"v1.0.{number}", location=f"rack-{number}")
    desk.settle(60)
    for run_id in range(1, 13):
        desk.say("machine-starting", run_id=run_id)
    desk.end(12)
    desk.delivery.deliver()
    assert any("<@UALICE>" in text for text in desk.thread(12))


def test_a_waiting_card_learns_when_the_line_moves_on(desk):
    desk.accept("v1.0.0")
    desk.accept("v1.0.1")
    desk.accept("v1.0.2")
    run, lease = desk.store.claim()
    desk.store.reserve(run, lease)
    desk.settle(30)
    card = desk.chat.roots()[2]
    assert "Number 2 in line" in card.message.blocks[1]["text"]["text"]
    desk.end(2)
    desk.settle(30)
    assert "Next in line" in card.message.blocks[1]["text"]["text"]


def test_a_waiting_card_says_who_holds_the_machine_and_follows_the_end_of_it(desk):
    until = desk.clock.now() + 1_800
    desk.store.people.remember(Person("UBOB", "bob", "bob@example.com"))
    desk.store.holds.take("rack-1", user="UBOB", until=until, reason="debugging", channel="C1")
    desk.accept()
    desk.store.reserve(*desk.store.claim())
    desk.settle(30)
    (card,) = desk.chat.roots()
    assert "bob holds it for another 30 min: debugging. Your turn should come in" in headline(card)
    assert desk.store.holds.take("rack-1", user="UBOB", until=until + 1_800, reason="", channel="C1")
    desk.settle(30)
    assert "bob holds it for another 1 h" in headline(card)
    desk.store.holds.release("rack-1", by="UBOB")
    desk.settle(30)
    assert "bob" not in headline(card)


def test_a_card_of_a_pool_names_the_machine_that_should_be_free_first_and_then_its_own(desk):
    desk.boot(lines=Lines({"gpus": ("gpu-1", "gpu-2")}))
    for number in (1, 2, 3):
        desk.accept(f"v{number}", location="gpus")
        desk.store.reserve(*desk.store.claim())
    desk.settle(30)
    card = desk.chat.roots()[2]
    assert "*Next in line* for the pool `gpus` (2 of 2 machines in use)." in headline(card)
    assert "`gpu-1`: alice has it, with run 1 (`v1`)" in headline(card)
    desk.end(2)
    desk.store.reserve(*desk.store.claim())
    desk.settle(30)
    assert "Starting the machine" in headline(card)
    assert "on `gpu-2`" in str(card.message.blocks)


def test_a_card_that_is_for_one_machine_of_a_pool_tells_of_that_one(desk):
    desk.boot(lines=Lines({"gpus": ("gpu-1", "gpu-2")}))
    for number in (1, 2):
        desk.accept(f"v{number}", location="gpus", machine="gpu-1")
        desk.store.reserve(*desk.store.claim())
    desk.settle(30)
    card = desk.chat.roots()[1]
    assert "*Next in line* for `gpu-1`. alice has it, with run 1 (`v1`)" in headline(card)


def headline(card):
    return card.message.blocks[1]["text"]["text"]


def test_a_delivery_with_nothing_to_do_sleeps(desk):
    assert desk.delivery.deliver() == 15.0
    assert desk.chat.calls == []


def test_a_broken_ledger_is_logged_and_tried_again(desk, caplog):
    with desk.store._database.write() as connection:
        connection.execute("ALTER TABLE outbox RENAME TO lost")
    assert desk.delivery.deliver() == 5.0
    assert "delivery stumbled" in caplog.text
    with desk.store._database.write() as connection:
        connection.execute("ALTER TABLE lost RENAME TO outbox")
    assert desk.delivery.deliver() == 15.0
