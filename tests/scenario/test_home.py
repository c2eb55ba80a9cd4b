"""The bot's own folder in trouble: a second bot on it, a ledger that another program holds, a disk that is full."""

import resource
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.scenario.waiting import until

HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


def test_a_second_bot_on_the_same_folder_refuses_with_a_sentence(world, bot):
    second = world.bot().start(wait=False)
    assert second.until_dead(30) == 2
    assert "Another Stationmaster works on" in second.said
    assert "Stop it first" in second.said
    assert "Traceback" not in second.said
    assert bot.alive


def test_a_bot_that_was_paused_goes_on_and_a_second_one_still_refuses(world, bot):
    world.project.branch("paused", gate=True)
    world.types("alice", "/train paused p1")
    world.until_training("paused")
    bot.pause()
    try:
        second = world.bot().start(wait=False)
        assert second.until_dead(30) == 2
        world.project.open_gate("paused")
    finally:
        bot.go_on()
    assert "is released" in world.until_over("p1").last_word
    assert world.project.trainings("paused") == 1


@contextmanager
def held(world, seconds):
    """Another process holds the ledger for writing, as a backup or a person with sqlite3 might."""
    ledger = str(world.bot_home / "ledger.sqlite")
    holder = subprocess.Popen([sys.executable, "-c", HOLD, ledger, str(seconds)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        yield
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_a_command_while_the_ledger_is_held_is_answered_in_time_and_nothing_is_half_done(world):
    before = len(world.threads())
    with held(world, 8):
        began = time.monotonic()
        said = world.types("alice", "/train main held-1")
        seconds = time.monotonic() - began
        assert "`v" not in world.types("bob", "/runs all")
    assert "nothing was started" in said
    assert seconds < 3
    world.types("alice", "/train main held-2")
    world.until_over("held-2")
    assert len(world.threads()) == before + 1
    assert "held-1" not in world.tags()


def test_several_commands_while_the_ledger_is_held_are_all_answered(world):
    with held(world, 10), ThreadPoolExecutor(6) as hands:
        said = list(hands.map(lambda n: world.slack.type("bob", f"/train main many-{n}"), range(6)))
    assert all("nothing was started" in each for each in said), said


def test_a_run_that_goes_on_while_the_ledger_is_held_loses_nothing(world):
    world.project.branch("holding", gate=True)
    world.types("alice", "/train holding h1")
    world.until_training("holding")
    with held(world, 60):
        world.project.open_gate("holding")
        time.sleep(4)
    thread = world.until_over("h1")
    assert "is released" in thread.last_word
    assert world.project.trainings("holding") == 1


@contextmanager
def full_disk(bot):
    """Nothing that the bot writes reaches the disk: as on a full one, every write fails."""
    before = resource.prlimit(bot.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(bot.pid, resource.RLIMIT_FSIZE, before)


def test_on_a_full_disk_a_command_is_refused_and_a_run_goes_on_once_there_is_room(world, bot):
    world.project.branch("full", gate=True)
    world.types("alice", "/train full f1")
    world.until_training("full")
    with full_disk(bot):
        said = world.types("bob", "/train main f2")
        world.project.open_gate("full")
        time.sleep(2)
        assert bot.alive
    assert "othing was started" in said
    assert "is released" in world.until_over("f1", 30).last_word
    assert world.project.trainings("full") == 1
    assert world.thread("f2") is None
    assert intact(world)


def test_the_running_bot_can_be_asked_from_the_command_line(world, bot):
    argv = [sys.executable, "-P", "-m", "bot", "runs", "--home", str(world.bot_home)]
    listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert "f1" in listed
    log = subprocess.run([*argv, str(world.thread("f1").number), "--log"], capture_output=True, text=True, check=True)
    assert "Epoch 2/2" in log.stdout


def intact(world):
    until(lambda: world.slack.connected, "the bot is connected")
    connection = sqlite3.connect(world.bot_home / "ledger.sqlite")
    try:
        return connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    finally:
        connection.close()
