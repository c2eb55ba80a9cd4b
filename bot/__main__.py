"""The `stationmaster` command line; the only place that ends the process."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

from bot.errors import StationmasterError, UserError


def main(argv: list[str] | None = None) -> None:
    """Run a subcommand and exit with its status: 0 done, 1 failed, 2 refused or not understood."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        status = int(arguments.run(arguments))
    except StationmasterError as error:
        sys.stderr.write(f"{error}\n")
        status = 2
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stationmaster", description="Train DVC projects from Slack, up to a GitLab release."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the bot against Slack, GitLab and AWS")
    serve.add_argument("--config", type=Path, help="a TOML file with settings (or STATIONMASTER_CONFIG)")
    serve.set_defaults(run=_serve)

    demo = commands.add_parser("demo", help="try everything on this machine, without any account")
    demo.add_argument("--once", metavar="COMMAND", help="type one slash command, print its thread, and end")
    demo.add_argument(
        "--runtime", choices=["process", "docker"], help="how its machines train (as the last time; at first: process)"
    )
    demo.add_argument(
        "--build-arg",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="for --runtime docker: an argument of Dockerfile.train, such as BASE",
    )
    demo.set_defaults(run=_demo)

    sandbox = commands.add_parser("sandbox", help="the stand-ins alone; prints the environment for `serve`")
    sandbox.set_defaults(run=_sandbox)
    for command in (demo, sandbox):
        command.add_argument("--fresh", action="store_true", help="forget everything and start over")
        command.add_argument("--data", type=Path, metavar="DIR", help="a Fruits-360 folder instead of drawn images")
        command.add_argument("--home", type=Path, default=Path(".demo"), help="where its state is kept (.demo)")
        command.add_argument("--port", type=int, help="port of the page")
        command.add_argument("--prefix", help="before each command's name, such as sm- (as the last time)")

    init = commands.add_parser("init", help="make a DVC project of your own ready to be trained, and check it")
    init.add_argument("folder", nargs="?", type=Path, default=Path(), help="the project (this folder)")
    init.add_argument("--check", action="store_true", help="only look, and change nothing")
    init.set_defaults(run=_init)

    doctor = commands.add_parser("doctor", help="check settings, tokens, bucket and machines, and say what is wrong")
    doctor.add_argument("--config", type=Path)
    doctor.set_defaults(run=_doctor)

    health = commands.add_parser("health", help="say whether the bot of a folder is at work (for a container's check)")
    health.add_argument("--home", type=Path, help="the bot's folder (or STATIONMASTER_HOME)")
    health.set_defaults(run=_health)

    manifest = commands.add_parser("manifest", help="print the manifest to make the Slack app from (YAML)")
    manifest.add_argument("--json", action="store_true", help="as JSON")
    manifest.add_argument("--url", metavar="https://...", help="for HTTP mode: where Slack reaches the bot")
    manifest.add_argument("--prefix", help="before each command's name, such as sm- (or COMMAND_PREFIX)")
    manifest.add_argument("--name", default="Stationmaster", help="what the app is called (Stationmaster)")
    manifest.set_defaults(run=_manifest)

    runs = commands.add_parser("runs", help="list runs, or show one with its log")
    runs.add_argument("number", nargs="?", type=int, metavar="NUMBER", help="a run's number")
    runs.add_argument("--log", action="store_true", help="print its full log")
    runs.add_argument("--home", type=Path, help="the bot's folder (or STATIONMASTER_HOME)")
    runs.set_defaults(run=_runs)
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    _use(arguments.config)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("apscheduler", "botocore", "slack_bolt", "slack_sdk", "urllib3", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    from bot import settings  # noqa: PLC0415 - `--help` and `demo` start quicker without it
    from bot.wiring import Service  # noqa: PLC0415

    service = Service(settings.load())
    end = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: end.set())
    service.start()
    logging.getLogger("bot").info("ready")
    end.wait()
    service.stop()
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from bot.sandbox.demo import run_demo  # noqa: PLC0415 - the sandbox is never loaded by `serve`

    return run_demo(
        home=arguments.home,
        fresh=arguments.fresh,
        once=arguments.once,
        data=arguments.data,
        port=arguments.port,
        runtime=arguments.runtime,
        build_arguments=arguments.build_arg,
        prefix=arguments.prefix,
    )


def _sandbox(arguments: argparse.Namespace) -> int:
    from bot.sandbox.demo import run_sandbox  # noqa: PLC0415 - the sandbox is never loaded by `serve`

    return run_sandbox(
        home=arguments.home,
        fresh=arguments.fresh,
        data=arguments.data,
        port=arguments.port,
        prefix=arguments.prefix,
    )


def _init(arguments: argparse.Namespace) -> int:
    """A process of its own: it needs DVC, which the bot never loads. -P, since the project may have a `trainer` too."""
    if find_spec("dvc") is None:
        raise UserError(
            "`stationmaster init` needs DVC beside it. In a copy of Stationmaster: pip install '.[trainer]'"
        )
    words = ["--check"] if arguments.check else []
    argv = [sys.executable, "-P", "-m", "trainer.onboarding", *words, "--", str(arguments.folder)]
    return subprocess.run(argv, check=False).returncode


def _doctor(arguments: argparse.Namespace) -> int:
    _use(arguments.config)
    from bot import settings  # noqa: PLC0415
    from bot.doctor import examine  # noqa: PLC0415

    return examine(settings.load(), sys.stdout)


def _manifest(arguments: argparse.Namespace) -> int:
    from bot.manifest import as_json, as_yaml, manifest  # noqa: PLC0415

    prefix = os.environ.get("COMMAND_PREFIX", "") if arguments.prefix is None else arguments.prefix
    document = manifest(name=arguments.name, prefix=prefix, url=arguments.url)
    sys.stdout.write(as_json(document) if arguments.json else as_yaml(document))
    return 0


def _runs(arguments: argparse.Namespace) -> int:
    from bot.listing import show  # noqa: PLC0415

    home = arguments.home or Path(os.environ.get("STATIONMASTER_HOME", "stationmaster-data"))
    return show(home, arguments.number, log=arguments.log, out=sys.stdout)


def _health(arguments: argparse.Namespace) -> int:
    from bot.clock import SystemClock  # noqa: PLC0415
    from bot.heartbeat import verdict  # noqa: PLC0415 - and nothing else: this is asked every half minute

    home = arguments.home or Path(os.environ.get("STATIONMASTER_HOME", "stationmaster-data"))
    well, sentence = verdict(home, SystemClock().now())
    sys.stdout.write(f"{sentence}\n")
    return 0 if well else 1


def _use(config: Path | None) -> None:
    if config is not None:
        os.environ["STATIONMASTER_CONFIG"] = str(config)


if __name__ == "__main__":
    main()
