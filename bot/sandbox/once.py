"""One slash command without a browser: type it, print its thread as text while it grows, and judge how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from bot.sandbox.addresses import Addresses
from bot.sandbox.page_client import News, PageClient, PageGoneError
from bot.sandbox.project import PATH
from bot.sandbox.transcript import TRAIN, Transcript
from bot.sandbox.world import API_TOKEN

DONE, FAILED, REFUSED = 0, 1, 2

CONNECT_SECONDS = 60.0
ANSWER_SECONDS = 60.0
"""How long a command may stay without any answer."""
QUIET_SECONDS = 1.5
"""After this long without another word, everything was said."""
PICTURE_SECONDS = 4.0
"""The same after a run's last word: its pictures are drawn meanwhile."""
REFUSAL_SECONDS = 2.5
"""An answer to `/train` that no card follows for this long was a refusal."""
LOOK_SECONDS = 0.5
WORDS_OF_TRAIN = 3
"""The command itself, a branch and a tag."""

Out = Callable[[str], None]


@dataclass(frozen=True)
class Released:
    """A release as anybody finds it: its page, and for each link what came back when it was opened."""

    url: str
    links: tuple[tuple[str, str, int], ...]
    """Name, address and number of bytes."""


def run_once(command: str, addresses: Addresses, *, out: Out, hopeless: Callable[[], str] = lambda: "") -> int:
    """Type `command` as alice; 0 when it was done, 1 failed, 2 refused.

    A `/train` is done when its release is there, or when its smoke test passed.

    `hopeless` is asked from time to time, and says why waiting is in vain ("" while it is not).
    """
    if not command.startswith("/"):
        out(f"--once takes a slash command such as '/train main v1.0.0', not {command!r}.")
        return REFUSED
    if _opens_a_form(command):
        out(f"{command} opens a form, which needs the page. With --once it takes both words: /train main v1.0.0")
        return REFUSED
    try:
        client = PageClient(addresses.page_url)
        with client.live() as news:
            return _Once(client, news, command, out, hopeless).run(addresses)
    except PageGoneError:
        out("The demo has ended before the command was done.")
        return FAILED


def find_release(gitlab_url: str, tag: str) -> Released | None:
    """The release of `tag` with every link opened as the public does; None when there is no such release.

    Raises:
        httpx.HTTPError: a link, or GitLab, does not answer with success.
    """
    address = f"{gitlab_url}/api/v4/projects/{quote(PATH, safe='')}/releases/{quote(tag, safe='')}"
    with httpx.Client(trust_env=False, follow_redirects=True, timeout=30.0) as http:
        answer = http.get(address, headers={"PRIVATE-TOKEN": API_TOKEN})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        release: dict[str, Any] = answer.raise_for_status().json()
        links = release.get("assets", {}).get("links", [])
        opened = tuple(
            (link["name"], link["url"], len(http.get(link["url"]).raise_for_status().content)) for link in links
        )
    return Released(url=str(release.get("_links", {}).get("self", "")), links=opened)


def _opens_a_form(command: str) -> bool:
    words = command.split()
    return (
        TRAIN.fullmatch(words[0]) is not None and len(words) < WORDS_OF_TRAIN and not any("-" in w[:1] for w in words)
    )


class _Once:
    """The conversation, from the command to its end."""

    def __init__(self, client: PageClient, news: News, command: str, out: Out, hopeless: Callable[[], str]) -> None:
        self._client, self._news, self._command = client, news, command
        self._out, self._hopeless = out, hopeless
        self._transcript = Transcript(command, me=client.me, names=client.names)
        self._began = self._heard = time.monotonic()

    def run(self, addresses: Addresses) -> int:
        if not self._news.until_connected(CONNECT_SECONDS):
            self._out("No bot is connected to the sandbox. Start it with `stationmaster serve`, or use `demo`.")
            return FAILED
        self._out(f"{self._client.name} in #training: {self._command}")
        self._out("")
        self._began = self._heard = time.monotonic()
        refusal = self._client.command(self._command)
        if refusal:
            self._print([refusal])
            return REFUSED
        self._listen()
        if not self._transcript.trains:
            return DONE if self._transcript.answered else self._no_answer()
        return self._verdict(addresses) if self._transcript.runs else self._refused()

    def _listen(self) -> None:
        """Until everything was said."""
        while not self._is_over():
            event = self._news.next(LOOK_SECONDS)
            lines = self._transcript.hear(event) if event else []
            if lines:
                self._heard = time.monotonic()
                self._print(lines)

    def _is_over(self) -> bool:
        transcript, quiet = self._transcript, time.monotonic() - self._heard
        if why := self._hopeless():
            self._out(why)
            return True
        if transcript.runs:
            return transcript.ended and quiet > PICTURE_SECONDS
        if not transcript.answered:
            return quiet > ANSWER_SECONDS
        return quiet > (REFUSAL_SECONDS if transcript.tag else QUIET_SECONDS)

    def _print(self, lines: list[str]) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        self._out(f"{minutes:4}:{seconds:02}  {lines[0]}")
        for line in lines[1:]:
            self._out(f"{'':7}  {line}")

    def _refused(self) -> int:
        return REFUSED if self._transcript.answered else self._no_answer()

    def _no_answer(self) -> int:
        self._out("The bot did not answer. Its log says why.")
        return FAILED

    def _verdict(self, addresses: Addresses) -> int:
        """Believe nobody: look at GitLab, and open what the release links to. A smoke test leaves nothing behind."""
        if self._transcript.smoke:
            return DONE if self._transcript.passed else FAILED
        tag = str(self._transcript.tag)
        self._out("")
        try:
            release = find_release(addresses.gitlab_url, tag)
        except httpx.HTTPError as error:
            self._out(f"The release {tag} is there, but not all of it can be opened: {error}")
            return FAILED
        if release is None:
            self._out(f"Checked: there is no release {tag}.")
            return FAILED
        self._out(f"Checked: the release {tag} is on {release.url}")
        for name, url, size in release.links:
            self._out(f"Checked: anybody can fetch {name} ({size:,} bytes) from {url}")
        return DONE
