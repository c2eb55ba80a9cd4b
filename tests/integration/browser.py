"""The sandbox's page in a real Chromium, as a person uses it: for every test that looks at what people see."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 15_000
"""Milliseconds that a page may take to show something on a busy machine."""
PEOPLE = {"alice": "U0000ALICE", "bob": "U000000BOB"}
NETWORK_CHANGED = "ERR_NETWORK_CHANGED"
"""Chromium drops what it is loading when an interface comes up, such as that of another test's container."""
BORING = ("ERR_CONNECTION", NETWORK_CHANGED, "WebSocket", "Loading the image 'https://elsewhere.example")
VISITS = 4
CONTROLS = "button link textbox combobox checkbox radio listbox option menuitem searchbox slider switch tab dialog img"


_FAINT = (Path(__file__).parent / "faint.js").read_text()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's browser. One at a time in a process, and no asyncio beside it: hold it for a module, not a session."""
    program = shutil.which("chromium")
    assert program, "These tests need a browser: apt-get install chromium"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


def visit(page: Page, url: str) -> None:
    """Open it whole: anew when something of it was dropped on the way (`NETWORK_CHANGED`)."""
    dropped: list[str] = []
    page.on("requestfailed", lambda request: dropped.append(request.failure or ""))
    for _ in range(VISITS):
        dropped.clear()
        try:
            page.goto(url)
        except PlaywrightError as error:
            dropped.append(str(error))
            if NETWORK_CHANGED not in str(error):
                raise
        if not any(NETWORK_CHANGED in why for why in dropped):
            return


class Pages:
    """The pages of one test, each in a browser context of its own; whatever they complain about fails the test."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def open(
        self,
        person: str = "alice",
        where: str = "training",
        *,
        width: int = 1280,
        height: int = 800,
        scheme: Literal["light", "dark"] = "light",
        scale: float = 1,
    ) -> SlackPage:
        """The page as this person sees it, at a channel such as `training` or at `Stationmaster/home`.

        `width` and `height` in pixels of the page, `scale` in pixels of a picture for each of them.
        """
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=scale
        )
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        visit(page, f"{self._url}/?user={PEOPLE.get(person, person)}#{where}")
        expect(page.get_by_role("heading", name=where.partition("/")[0], exact=True, level=1)).to_be_visible()
        return SlackPage(page)

    def close(self) -> None:
        """Close them and say what they complained about."""
        for context in self._contexts:
            context.close()
        assert [line for line in self.complaints if not any(words in line for words in BORING)] == []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        if kind is None:
            self.close()
        else:  # the test's own failure is the one to read
            for context in self._contexts:
                context.close()


class SlackPage:
    """One person in front of one page. Everything is found by its role and name, as a screen reader finds it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.main = page.get_by_role("main")
        self.sidebar = page.get_by_role("navigation", name="Workspace")
        self.box = self.main.get_by_role("textbox", name=re.compile("^Message"))
        self.messages = page.locator("#channel-view").get_by_role("article")
        self.thread = page.get_by_role("complementary")
        self.modal = page.locator("dialog#modal")
        self.question = page.locator("dialog#confirm")
        self.home = page.locator("#home-view")

    # In a channel

    def type(self, text: str) -> None:
        """Type into the box of the channel and press Enter."""
        self.box.fill(text)
        self.box.press("Enter")

    def message(self, text: str) -> Locator:
        """The newest message in the channel with this text."""
        return self.messages.filter(has_text=text).last

    def reply(self, text: str) -> Locator:
        """The newest message in the open thread with this text."""
        return self.thread.get_by_role("article").filter(has_text=text).last

    def wait_for(self, text: str) -> Locator:
        """The newest message with this text, once it is there."""
        expect(self.message(text)).to_be_visible()
        return self.message(text)

    def press(self, label: str, within: Locator | None = None) -> None:
        """Press a button by its name or by what stands on it: within something, else in the newest message with it."""
        place = within or self.messages.filter(has=self.page.get_by_role("button", name=label, exact=True)).last
        named = place.get_by_role("button", name=label, exact=True)
        named.or_(place.get_by_role("button").filter(has_text=re.compile(f"^{re.escape(label)}$"))).click()

    def open_thread(self, text: str) -> None:
        """Open the thread of the newest message with this text."""
        message = self.wait_for(text)
        message.hover()
        message.get_by_role("button", name=re.compile(r"repl(y|ies)", re.IGNORECASE)).first.click()
        expect(self.thread).to_be_visible()

    def go(self, name: str) -> None:
        """Follow a link of the sidebar."""
        self.sidebar.get_by_role("link", name=name).click()

    def open_home(self) -> None:
        """The app's Home tab."""
        self.go("Stationmaster")
        self.main.get_by_role("link", name="Home", exact=True).click()
        expect(self.home).to_be_visible()

    # In a form: a modal unless `within` says otherwise

    def fill(self, label: str, text: str, within: Locator | None = None) -> None:
        """Type into a labelled box."""
        (within or self.modal).get_by_label(_labelled(label)).fill(text)

    def choose(self, label: str, option: str, within: Locator | None = None) -> None:
        """Choose in a select, in radio buttons or among checkboxes with this label."""
        place = within or self.modal
        name = _labelled(label)
        group = place.get_by_role("group", name=name).or_(place.get_by_role("radiogroup", name=name))
        if group.count():
            group.get_by_label(option, exact=True).check()
        else:
            place.get_by_label(name).select_option(label=option)

    def search(self, label: str, query: str, option: str, within: Locator | None = None) -> None:
        """Type into a select that asks the app, and take one of the options that it offers."""
        place = within or self.modal
        place.get_by_role("combobox", name=_labelled(label)).fill(query)
        place.get_by_role("listbox", name=label).get_by_role("option", name=option, exact=True).click()

    def submit(self) -> None:
        """Send the modal off."""
        self.modal.locator("button[type=submit]").click()

    def cancel(self) -> None:
        """Close the uppermost modal with its button at the bottom."""
        self.modal.locator("footer button[type=button]").click()

    # What people who do not see it get

    def nameless(self) -> list[str]:
        """The controls on the page that a screen reader could not name, as lines of its accessibility tree."""
        tree = self.page.locator("body").aria_snapshot()
        kind = re.compile(rf"^\s*- ({'|'.join(CONTROLS.split())})(?! \")\b.*")
        return [line.strip() for line in tree.splitlines() if kind.match(line)]

    def faint(self) -> list[str]:
        """The texts in sight that do not stand out from what is behind them, as WCAG 2.2 AA wants it (1.4.3)."""
        return list(self.page.evaluate(_FAINT))

    def focused(self) -> str:
        """The accessible name or text of what has the focus."""
        words = "node.getAttribute('aria-label') || node.labels?.[0]?.textContent || node.textContent"
        return str(self.page.evaluate(f"(() => {{ const node = document.activeElement; return {words}; }})()")).strip()

    def screenshot(self, path: Path) -> None:
        """A picture of the window, for people to look at."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)

    def picture(self, part: Locator, path: Path) -> None:
        """A small picture of a part of the page, without what only a mouse above it shows."""
        self.page.mouse.move(1, 1)
        self.page.evaluate("document.activeElement.blur()")
        taken = Image.open(io.BytesIO(part.screenshot(animations="disabled")))
        path.parent.mkdir(parents=True, exist_ok=True)
        taken.convert("RGB").quantize(128).save(path, optimize=True)


def _labelled(label: str) -> re.Pattern[str]:
    """A label as it stands, or marked as optional."""
    return re.compile(rf"^{re.escape(label)}( \(optional\))?$")
