"""`make bench`: reports, never asserts; writes build/bench.json."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bot.sandbox.world import World
from tests.benchmarks import ack, feeding, incremental, overhead

ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...")
    parser.add_argument("--unchanged", type=int, default=7, help="pairs with nothing changed")
    parser.add_argument("--training", type=int, default=3, help="pairs with a training")
    parser.add_argument("--only", choices=["overhead", "ack", "incremental", "feeding"])
    arguments = parser.parse_args()
    figures: dict = {}
    if arguments.only in (None, "overhead"):
        figures |= measure_overhead(arguments.unchanged, arguments.training)
    if arguments.only in (None, "ack"):
        figures["ack"] = ack.measure()
    if arguments.only in (None, "incremental"):
        figures["incremental"] = incremental.measure()
    if arguments.only in (None, "feeding"):
        figures["feeding"] = feeding.measure()
    out = ROOT / "build" / "bench.json"
    out.parent.mkdir(exist_ok=True)
    if out.exists():
        figures = {**json.loads(out.read_text()), **figures}
    out.write_text(json.dumps(figures, indent=2) + "\n")
    shown = [name for name in ("overhead", "ack", "incremental", "feeding") if name in figures]
    print(json.dumps({name: figures[name] for name in shown}, indent=2))


def measure_overhead(unchanged: int, training: int) -> dict:
    home = Path(tempfile.mkdtemp(prefix="stationmaster-bench-"))
    try:
        # The ports are not the demo's, so that a demo may go on meanwhile.
        with World(home, port=9765) as world:
            environment = {**world.environment(), "IDLE_MINUTES": "60"}
            bot = start_bot(environment, home / "bot.log")
            try:
                until(lambda: world.slack.connected, seconds=30)
                return overhead.measure(
                    home / "bench", environment, world.page_url, unchanged=unchanged, training=training
                )
            finally:
                bot.terminate()
                bot.wait(timeout=30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def start_bot(environment: dict[str, str], log: Path) -> subprocess.Popen:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "bot", "serve"],
            env={**inherited, **environment},
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def until(condition, *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the bot did not connect")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
