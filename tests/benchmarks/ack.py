"""From a command sent to its acknowledgement, 50 in flight: the bot's front door against a bare Bolt echo, both ways.

Over a real WebSocket, and over real HTTP with signed requests, each app in a process of its own. Rounds are
interleaved, so that what else the machine does meets all four, and the medians of the rounds reported.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from tests.benchmarks.ack_peers import HttpPeer, Peer, SocketPeer

ROOT = Path(__file__).parents[2]
ROUNDS = 5


def measure() -> dict:
    """What `_summary` says of Socket Mode, the same of HTTP mode as `http`, and the ratio of their p99s.

    `load`: the machine's load averages over a minute, before and after.
    """
    load = [round(os.getloadavg()[0], 2)]
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        peers: dict[str, Peer] = {
            "socket-front": SocketPeer(loop),
            "socket-echo": SocketPeer(loop),
            "http-front": HttpPeer(loop),
            "http-echo": HttpPeer(loop),
        }
        children = [start(name, peer, Path(folder) / name) for name, peer in peers.items()]
        try:
            for peer in peers.values():
                peer.flood()  # the first round warms them up
            rounds = [{name: peer.flood() for name, peer in peers.items()} for _ in range(ROUNDS)]
        finally:
            for child in children:
                child.terminate()
                child.wait(timeout=30)
    over = statistics.median(each["http-front"][1] / each["socket-front"][1] for each in rounds)
    return {
        **_summary(rounds, "socket"),
        "http": _summary(rounds, "http"),
        "http_vs_socket": round(over, 3),
        "load": [*load, round(os.getloadavg()[0], 2)],
    }


def _summary(rounds: list[dict[str, tuple[float, float]]], way: str) -> dict[str, float]:
    """Medians over the rounds: of the front's p50 and p99, and of the ratio of its p99 to the echo's."""
    front, echo = f"{way}-front", f"{way}-echo"
    return {
        "p50_ms": round(statistics.median(each[front][0] for each in rounds), 2),
        "p99_ms": round(statistics.median(each[front][1] for each in rounds), 2),
        "vs_bolt": round(statistics.median(each[front][1] / each[echo][1] for each in rounds), 3),
    }


def start(what: str, peer: Peer, folder: Path) -> subprocess.Popen:
    """Start the app (`ack_apps`), and wait until it can be sent something."""
    folder.mkdir()
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    argv = [sys.executable, "-m", "tests.benchmarks.ack_apps", what, peer.api_url, str(folder)]
    child = subprocess.Popen(argv, cwd=ROOT, env=inherited, stdout=subprocess.PIPE, text=True)
    peer.meet(child)
    return child
