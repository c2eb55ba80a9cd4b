"""`/train`, from the command sent to the release visible, against the same work by hand, in interleaved pairs."""

import shutil
import statistics
import subprocess
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from bot.sandbox.page_client import PageClient
from tests.benchmarks.by_hand import Hand, change_seed

LIMIT = 600.0


class ByCommand:
    """The bot's side: a clone to make changes in, and a person at the page."""

    def __init__(self, folder: Path, environment: dict[str, str], page: str) -> None:
        self._settings = environment
        self._client = PageClient(page)
        self._clone = folder / "changes"
        host = environment["GITLAB_URL"].removeprefix("http://")
        url = f"http://c:{environment['GITLAB_WRITE_TOKEN']}@{host}/{environment['GITLAB_PROJECT']}.git"
        self._run("git", "clone", "--quiet", url, str(self._clone), cwd=folder)

    def change(self, seed: int) -> None:
        change_seed(self._clone, "main", seed, self._run)

    def train(self, tag: str) -> None:
        refused = self._client.command(f"/train main {tag}")
        if refused:
            raise RuntimeError(refused)
        project = self._settings["GITLAB_PROJECT"].replace("/", "%2F")
        url = f"{self._settings['GITLAB_URL']}/api/v4/projects/{project}/releases/{tag}"
        request = Request(url, headers={"PRIVATE-TOKEN": self._settings["GITLAB_TOKEN"]})
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            try:
                urlopen(request).close()
            except HTTPError:
                time.sleep(0.2)  # looking more often would slow down what is measured
            else:
                return
        raise RuntimeError(f"no release {tag} after {LIMIT} s")

    def forget(self, tag: str) -> None:
        """Delete the release: of a branch that is released already, the bot would start no machine."""
        project = self._settings["GITLAB_PROJECT"].replace("/", "%2F")
        url = f"{self._settings['GITLAB_URL']}/api/v4/projects/{project}/releases/{tag}"
        headers = {"PRIVATE-TOKEN": self._settings["GITLAB_TOKEN"]}
        urlopen(Request(url, headers=headers, method="DELETE")).close()

    def close(self) -> None:
        self._client.close()

    def _run(self, *argv: str, cwd: Path | None = None) -> str:
        identity = ["-c", "user.name=Carol", "-c", "user.email=carol@example.com"]
        argv = ("git", *identity, *argv[1:])
        return subprocess.run(argv, cwd=cwd or self._clone, capture_output=True, text=True, check=True).stdout


def measure(folder: Path, environment: dict[str, str], page: str, *, unchanged: int, training: int) -> dict:
    """Medians of the pairs' ratios, command over hand; every pair's seconds are kept beside them."""
    shutil.rmtree(folder, ignore_errors=True)
    hand = Hand(folder / "hand", environment, "hand")
    command = ByCommand(folder, environment, page)
    try:
        # Both warm up with one whole training, so that every later pair meets a warm checkout.
        _pair(hand, command, "v0.0.1", seeds=(11, 12))
        trained = [_pair(hand, command, f"v1.0.{n}", seeds=(1000 + n, 2000 + n)) for n in range(training)]
        same = [_pair(hand, command, f"v2.0.{n}") for n in range(unchanged)]
    finally:
        command.close()
    return {
        "overhead": {"unchanged": _ratio(same), "training": _ratio(trained)},
        "seconds": {"unchanged": same, "training": trained},
    }


def _pair(hand: Hand, command: ByCommand, tag: str, *, seeds: tuple[int, int] | None = None) -> dict[str, float]:
    """One of each, in turn first: what the machine does meanwhile meets both."""
    sides = [("hand", hand, f"hand-{tag}"), ("command", command, tag)]
    if sum(tag.encode()) % 2:
        sides.reverse()
    seconds = {}
    for index, (name, side, its_tag) in enumerate(sides):
        if seeds:
            side.change(seeds[index])
        began = time.perf_counter()
        side.train(its_tag)
        seconds[name] = round(time.perf_counter() - began, 3)
    command.forget(tag)
    print(f"  {tag}: by hand {seconds['hand']:.2f} s, by command {seconds['command']:.2f} s", flush=True)
    return seconds


def _ratio(pairs: list[dict[str, float]]) -> float | None:
    if not pairs:
        return None
    return round(statistics.median(pair["command"] / pair["hand"] for pair in pairs), 3)
