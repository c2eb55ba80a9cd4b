"""The process `stationmaster serve`: quick, small, and silent about its secrets."""

import os
import re
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.scenario.served_bot import ARGV
from tests.scenario.world import CANARIES

HEAVY = ("matplotlib", "tensorflow", "keras", "dvc", "moto", "uvicorn", "starlette")
"""numpy is not among them: sqlite_utils imports it where it finds it, and a bot that is alone has none."""


class CommandLines:
    """Every command line on this machine, from the start of the block to its end."""

    def __init__(self):
        self.seen = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _look(self):
        while not self._over.wait(0.01):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    self.seen.add((process / "cmdline").read_bytes())
                except OSError:
                    continue


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


@pytest.fixture(scope="module")
def lines(world, bot):
    """The command lines of two runs, one that ends well and one that prints its environment and fails."""
    world.project.branch("tells", script="import os\nprint(dict(os.environ))\nraise SystemExit(1)")
    with CommandLines() as lines:
        world.types("alice", "/train main v1.0.0")
        world.types("bob", "/train tells v2.0.0")
        world.until_over("v1.0.0")
        world.until_over("v2.0.0")
        world.until_log("v2.0.0")
        world.types("alice", "/runs 1")
        world.types("alice", "/locations")
    return lines.seen


def test_it_is_ready_within_two_seconds_on_a_quiet_machine(bot, record_property, capsys):
    record_property("seconds_to_ready", round(bot.seconds_to_ready, 2))
    with capsys.disabled():
        print(f"[serve was ready after {bot.seconds_to_ready:.2f} s]", end=" ")
    assert bot.seconds_to_ready < 6


def test_it_stays_under_150_megabytes(bot, lines, record_property, capsys):
    peak = bot.peak_memory()
    record_property("peak_megabytes", round(peak))
    with capsys.disabled():
        print(f"[serve had {peak:.0f} MB at most]", end=" ")
    assert peak < 150


def test_it_never_loads_what_only_the_trainer_or_the_sandbox_needs(bot, lines):
    mapped = Path(f"/proc/{bot.pid}/maps").read_text()
    packages = set(re.findall(r"site-packages/(\w+)", mapped))
    assert packages, "nothing is mapped, so this test shows nothing"
    assert packages.isdisjoint(HEAVY)


def test_it_never_imports_what_only_the_trainer_or_the_sandbox_needs(world):
    look = (
        "import sys; from bot import settings, wiring; service = wiring.Service(settings.load()); "
        f"print([name for name in {(*HEAVY, 'bot.sandbox', 'trainer.pipeline')} if name in sys.modules])"
    )
    environment = {**world.environment(), "STATIONMASTER_HOME": str(world.home / "another"), "PATH": os.environ["PATH"]}
    done = subprocess.run([ARGV[0], "-c", look], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_no_secret_is_in_a_file_of_its_own_or_of_the_machine(world, lines):
    files = [path for path in world.bot_home.rglob("*") if path.is_file()]
    assert any(path.name == "ledger.sqlite" for path in files)
    assert any(path.parent.name == "logs" for path in files)
    assert [path for path in files if holds_a_secret(path.read_bytes())] == []


def test_no_secret_is_in_its_log(bot, lines):
    assert "bot: ready" in bot.logs
    assert not holds_a_secret(bot.logs.encode())


def test_no_secret_is_on_a_command_line(lines):
    assert any(b"trainer.jobs" in line for line in lines)
    assert any(b"git\0" in line for line in lines)
    assert [line for line in lines if holds_a_secret(line)] == []


def test_no_secret_is_in_the_environment_of_the_training(world, lines):
    log = world.until_log("v2.0.0")
    assert b"'PATH'" in log
    assert not holds_a_secret(log)
    assert not re.search(rb"AWS_|GITLAB|SLACK|TOKEN", log)


def test_no_secret_is_said_in_slack(world, lines):
    said = [repr(message) for thread in world.threads() for message in (thread.card, *thread.replies)]
    said += [*world.private("alice"), *world.private("bob")]
    assert len(said) > 5
    assert not holds_a_secret("\n".join(said).encode())


def test_no_secret_is_in_gitlab(world, lines):
    assert not holds_a_secret(repr(world.releases()).encode())
    assert not holds_a_secret((world.bare / "config").read_bytes())


def test_what_it_keeps_is_for_its_user_alone(world, lines):
    assert world.bot_home.stat().st_mode & 0o077 == 0
    assert (world.bot_home / "ledger.sqlite").stat().st_mode & 0o077 == 0


def test_it_ends_in_good_order_and_leaves_no_process(world, bot, lines):
    began = time.monotonic()
    bot.stop()
    assert time.monotonic() - began < 15
    assert bot.returncode == 0
    assert "Traceback" not in bot.logs
    home = str(world.bot_home).encode()
    left = [line for line in _command_lines() if home in line]
    assert left == []


def _command_lines():
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_bytes()
        except OSError:
            continue


def holds_a_secret(content):
    return any(secret.encode() in content for secret in CANARIES.values())
