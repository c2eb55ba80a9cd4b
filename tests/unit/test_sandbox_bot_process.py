"""The demo keeps its bot alive, and ends it in good order. Real processes, without a bot in them."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from bot.sandbox.bot_process import BotProcess, end_leftover

SLEEPS = "import time; time.sleep(60)"


class Heard:
    """Sentences, for a test that waits for one."""

    def __init__(self):
        self.sentences = []
        self._news = threading.Condition()

    def __call__(self, sentence):
        with self._news:
            self.sentences.append(sentence)
            self._news.notify_all()

    def wait(self, count):
        with self._news:
            assert self._news.wait_for(lambda: len(self.sentences) >= count, timeout=20)


@pytest.fixture
def bot(tmp_path):
    """Makes bots that run a line of Python."""
    bots = []

    def make(code, heard=print, environment=None):
        made = BotProcess(
            environment or {},
            log=tmp_path / "bot.log",
            pid_file=tmp_path / "bot.pid",
            say=heard,
            argv=[sys.executable, "-c", code],
            pause=0.001,
        )
        bots.append(made)
        return made.start()

    yield make
    for each in bots:
        each.stop()


def eventually(true):
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_bot_sees_what_it_is_given_and_no_secret_of_this_person(bot, tmp_path, monkeypatch):
    monkeypatch.setenv("GITLAB_TOKEN", "a-real-one")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    bot(f"import os; print(sorted(os.environ), flush=True); {SLEEPS}", environment={"GITLAB_URL": "http://x"})
    log = tmp_path / "bot.log"
    eventually(lambda: log.exists() and log.read_text().endswith("\n"))
    seen = log.read_text()
    assert "GITLAB_URL" in seen
    assert "PATH" in seen
    assert "GITLAB_TOKEN" not in seen
    assert "HTTPS_PROXY" not in seen


def test_a_killed_bot_is_started_again_and_that_is_said(bot):
    heard = Heard()
    running = bot(SLEEPS, heard)
    eventually(lambda: running.pid)
    first = running.pid
    os.kill(first, signal.SIGKILL)
    heard.wait(1)
    assert heard.sentences[0].startswith("The bot ended (killed by signal 9); starting it again.")
    eventually(lambda: running.pid not in (None, first))


def test_the_last_words_of_a_bot_that_failed_are_shown_once(bot):
    heard = Heard()
    bot("import sys; sys.exit('GITLAB_PROJECT is not set')", heard)
    heard.wait(3)
    assert heard.sentences[0].startswith("The bot ended (exit status 1)")
    assert heard.sentences[1] == "The last it said:\n    GITLAB_PROJECT is not set"


def test_stopping_ends_it_politely_and_for_good(bot, tmp_path):
    says_bye = "import signal, sys; signal.signal(15, lambda *_: sys.exit('bye')); print('up', flush=True)"
    running = bot(f"{says_bye}; {SLEEPS}")
    log = tmp_path / "bot.log"
    eventually(lambda: log.exists() and "up" in log.read_text())
    running.stop()
    assert running.pid is None
    assert "bye" in log.read_text()
    assert not (tmp_path / "bot.pid").exists()


def test_a_bot_that_a_killed_demo_left_behind_is_ended(tmp_path):
    left = subprocess.Popen([sys.executable, "-c", SLEEPS, "-P", "-m", "bot", "serve"])
    (tmp_path / "bot.pid").write_text(f"{left.pid}\n")
    # Its parent is this process: somebody has to take its end, or it stays as a zombie.
    threading.Thread(target=left.wait).start()
    end_leftover(tmp_path / "bot.pid")
    assert left.wait() == -signal.SIGTERM
    assert not (tmp_path / "bot.pid").exists()


def test_a_process_that_got_the_number_later_is_left_alone(tmp_path):
    (tmp_path / "bot.pid").write_text(f"{os.getpid()}\n")
    end_leftover(tmp_path / "bot.pid")
    assert not (tmp_path / "bot.pid").exists()


def test_a_log_that_has_grown_large_is_put_aside(bot, tmp_path):
    (tmp_path / "bot.log").write_bytes(b"x" * 5_000_001)
    bot(SLEEPS)
    assert (tmp_path / "bot.old.log").stat().st_size == 5_000_001
