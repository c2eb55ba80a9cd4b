"""`stationmaster demo` and `stationmaster sandbox`: the world, and for the demo a bot in it, until somebody ends it."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bot.clock import SystemClock
from bot.errors import StationmasterError, UserError
from bot.runs.store import Store
from bot.sandbox import addresses, containers
from bot.sandbox.bot_process import BotProcess, end_leftover
from bot.sandbox.claim import Claim, TakenError
from bot.sandbox.fresh import start_over
from bot.sandbox.once import FAILED, run_once
from bot.sandbox.prefix import remember as remember_prefix
from bot.sandbox.prefix import spelling
from bot.sandbox.world import World, environment

INTERRUPTED = 130
READY_SECONDS = 60.0
PATIENCE = 4
"""How often in a row the bot may end by itself until waiting for it is given up."""

_WELCOME = """
The demo is running. Open this address in a browser, it is a Slack channel with two people in it:

    {url}

Type into its text box:

    {train} main v1.0.0

and watch the message and its thread; at the end they link to the release. Then try `/train feature/wider v1.1.0`,
`/train feature/typo v2.0.0` (it fails, on purpose), `/train` alone (a form), Home in the sidebar, and `/train-help`.

The bot's log is {log}. Ctrl-C ends the demo.
"""


def run_demo(
    *,
    home: Path,
    fresh: bool,
    once: str | None,
    data: Path | None,
    port: int | None,
    runtime: str | None = None,
    build_arguments: Sequence[str] = (),
    prefix: str | None = None,
) -> int:
    """The whole demo; the process's exit status.

    Until Ctrl-C, or with `once` until that command is done. `fresh` forgets what is in `home` first. `runtime` is
    `process` or `docker`, whose image takes `build_arguments`; without it, what it was the last time. `prefix` stands
    before each command's name; without it, as the last time.
    """
    try:
        with _ending_on_signals(), _claimed(home) as claimed:
            if not claimed:
                return _beside(home, once, fresh=fresh)
            if fresh:
                start_over(home, say)
            remember_prefix(home, prefix)
            arguments = _containers(home, runtime, build_arguments)
            image = None if arguments is None else containers.ensure_image(arguments, say)
            containers.remember(home, arguments)
            return _demo(home, once, data, port, image)
    except KeyboardInterrupt:
        return _ended(home, once)
    except StationmasterError as error:
        complain(error)
        return FAILED


def run_sandbox(*, home: Path, fresh: bool, data: Path | None, port: int | None, prefix: str | None = None) -> int:
    """The stand-ins alone, until Ctrl-C; the process's exit status.

    Standard output is the environment for `serve`, as lines for a shell; everything else is said on standard error.
    Where a sandbox or demo runs in `home` already, its environment is printed, and that is all.
    """
    try:
        with _ending_on_signals(), _claimed(home) as claimed:
            if not claimed:
                complain(f"A sandbox runs in {home} already; this is its environment.")
                return _print_environment(home)
            if fresh:
                start_over(home, complain)
            remember_prefix(home, prefix)
            with World(home, port=port, data=data, say=complain) as world:
                _print_environment(home)
                complain(f"The page is {world.page_url}. Ctrl-C ends the sandbox.")
                _until_interrupted()
    except KeyboardInterrupt:
        return 0
    except StationmasterError as error:
        complain(error)
        return FAILED


def say(sentence: object) -> None:
    """Tell the person, now: output to a pipe would come in blocks."""
    print(sentence, flush=True)  # noqa: T201 - a command line talks


def complain(sentence: object) -> None:
    """Tell the person what is not part of the command's output."""
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - as above


def _demo(home: Path, once: str | None, data: Path | None, port: int | None, image: str | None) -> int:
    log = home.resolve() / "bot.log"
    end_leftover(home / "bot.pid")
    with ExitStack() as life:
        world = life.enter_context(World(home, port=port, data=data, say=say))
        told = world.environment()
        if image is not None:
            containers.check_reach(image, home, world.addresses.aws)
            told |= containers.environment(image)
        bot = life.enter_context(BotProcess(told, log=log, pid_file=home / "bot.pid", say=say))
        _until_connected(world, bot)
        if once is None:
            here = spelling(home)
            welcome = here.text(_WELCOME)
            say(welcome.format(url=world.page_url, log=_near(log), train=here.name("/train")))
            _until_interrupted()
        say("")
        return run_once(once, world.addresses, out=say, hopeless=lambda: _hopeless(bot))


def _containers(home: Path, runtime: str | None, build_arguments: Sequence[str]) -> list[str] | None:
    """The build arguments of the image that trains; None where no containers are wanted.

    Raises:
        UserError: what still runs there would be looked for in another place.
    """
    before = containers.recall(home)
    if runtime is None:
        runtime = "process" if before is None else "docker"
    if runtime == "process" and build_arguments:
        raise UserError("--build-arg is for an image: add --runtime docker.")
    ledger = home / "bot" / "ledger.sqlite"
    unfinished = _open_runs(ledger) if ledger.exists() and (before is None) is not (runtime == "process") else []
    if unfinished:
        raise UserError(
            f"{unfinished[0]} has not ended where it was begun. "
            f"Go on with --runtime {'process' if before is None else 'docker'}, or start over with --fresh."
        )
    return None if runtime == "process" else [*build_arguments] or before or []


def _until_connected(world: World, bot: BotProcess) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not world.slack.connected:
        if why := _hopeless(bot):
            raise UserError(why)
        if time.monotonic() > deadline:
            raise UserError(f"The bot did not connect within {READY_SECONDS:.0f} seconds. It said:\n{bot.last_lines()}")
        time.sleep(0.02)


def _hopeless(bot: BotProcess) -> str:
    return "" if bot.restarts < PATIENCE else "The bot ends again and again; the demo cannot go on without it."


def _beside(home: Path, once: str | None, *, fresh: bool) -> int:
    """What to do while another process has the folder."""
    running = addresses.recall(home / "addresses.json")
    if fresh:
        complain(f"The demo in {home} is running. End it first (Ctrl-C where it was started), then start over.")
        return FAILED
    if running is None:
        complain(f"A demo is just being started in {home}. Try again in a moment.")
        return FAILED
    if once is None:
        complain(f"The demo in {home} is running already, on {running.page_url}")
        complain("End it with Ctrl-C where it was started, or give this one a folder of its own with --home.")
        return FAILED
    say(f"Using the demo that is running, on {running.page_url}")
    say("")
    return run_once(once, running, out=say)


def _ended(home: Path, once: str | None) -> int:
    ledger = home / "bot" / "ledger.sqlite"
    for run in _open_runs(ledger) if ledger.exists() else ():
        say(f"{run} has not ended. Its machine goes on with what it does; the next start picks it up there.")
    say("The demo has ended. The next `make demo` goes on from here; `make demo ARGS=--fresh` starts over.")
    return INTERRUPTED if once else 0


def _open_runs(ledger: Path) -> list[str]:
    store = Store(ledger, SystemClock())
    try:
        return [f"Run {run.id} ({run.branch} as {run.tag})" for run in store.runs(only_open=True)]
    finally:
        store.close()


@contextmanager
def _claimed(home: Path) -> Iterator[bool]:
    """Whether this process has `home` for itself within the block."""
    try:
        claim = Claim(home)
    except TakenError:
        yield False
        return
    try:
        yield True
    finally:
        claim.release()


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Within the block the first Ctrl-C, SIGTERM or SIGHUP raises `KeyboardInterrupt`; more of them change nothing.

    Everything is given back on the way out, in good order; that takes seconds, and is not to be broken off.
    """
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        for name in names:
            signal.signal(name, signal.SIG_IGN)
        os.write(sys.stderr.fileno(), b"\nEnding ...\n")  # print may be just what was interrupted
        raise KeyboardInterrupt

    before = {name: signal.signal(name, end) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _until_interrupted() -> NoReturn:
    while True:
        threading.Event().wait(3600)


def _print_environment(home: Path) -> int:
    running = addresses.recall(home / "addresses.json")
    if running is None:
        complain("It is just being started. Try again in a moment.")
        return FAILED
    for name, value in environment(home, running).items():
        say(f"export {name}={shlex.quote(value)}")
    return 0


def _near(path: Path) -> Path:
    """`path` as a person in this folder would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
