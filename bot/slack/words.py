"""How things are said: durations, sizes, counts, metrics, money, and other people's text made harmless. Pure.

Everything that comes from training, git or a person goes through `escape`, `code` or `fence` on its way into a message:
Slack would read `<!channel>` in it as a ping, a carriage return would hide half a line, and a message that is too long
is refused as a whole. Lengths are counted as JSON writes the text (`weight`), the strictest way that Slack could count.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_BARS = "▁▂▃▅▆▇"
"""Without ▄ and █, which many fonts put on another line than the others."""
_ADDRESS = re.compile(r"(?<!\S)https?://[^\s<>|`…]*[^\s<>|`….,;:!?)](?=[.,;:!?)]*(?:\s|$))")
"""Of a whole word: none that was cut, none in back quotes."""
_PAUSE = "\u200b"
"""A zero-width space: keeps three back quotes of a log from closing the code block around it."""

MINUTE, HOUR, DAY = 60, 3_600, 86_400
_TENTHS_BELOW = 10
_LONGEST_URL = 1_000
_CENT = 0.01
_WHOLE_ABOVE, _TOO_LONG = 10_000, 10**15
"""From where on a metric's fraction says nothing, and from where on its digits do not either."""


def clean(text: str) -> str:
    """The text without colours, control characters and broken Unicode; each line as a terminal would end up with it."""
    text = text.encode("utf-8", errors="replace").decode("utf-8")
    lines = _ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    shown = (line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)
    return _UNSEEN.sub("", "\n".join(shown))


def escape(text: str, limit: int = 500) -> str:
    """Foreign text for the middle of a sentence: no ping, no link, no markup of ours, at most `limit` long."""
    return cut(entities(clean(text)), limit)


def prose(text: str, limit: int = 2_900) -> str:
    """Our own sentence with foreign words in it: back quotes and `<@U1>` stay markup, everything else is only text.

    An address that stands by itself can be clicked; it shows itself, so nothing hides behind it.
    """
    said = re.sub(r"&lt;(@[UW][A-Z0-9]+)&gt;", r"<\1>", escape(text, limit))
    return _ADDRESS.sub(r"<\g<0>>", said)


def entities(text: str) -> str:
    """Slack's three special characters, written so that they are only characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def weight(text: str) -> int:
    """The length of `text` inside the JSON that goes to Slack."""
    return len(json.dumps(text)) - 2


def cut(text: str, limit: int) -> str:
    """At most `limit` of weight, with an ellipsis where something was left out, and no entity in two halves."""
    if weight(text) <= limit:
        return text
    room = limit - weight("…")
    if room < 0:
        return ""
    kept = text[:room]
    while weight(kept) > room:
        kept = kept[: len(kept) - max(1, (weight(kept) - room) // 12)]
    return re.sub(r"&[a-z]{0,3}$", "", kept).rstrip() + "…"


def code(text: str, limit: int = 120) -> str:
    """A name in back quotes, on one line."""
    line = " ".join(clean(text).replace("`", "'").split())
    return f"`{cut(entities(line), limit) or ' '}`"


def fence(lines: Iterable[str], limit: int = 2_400, line_limit: int = 400) -> str:
    """Lines as a block of code, the last ones when not all fit; empty without lines."""
    kept: list[str] = []
    room = limit
    for line in reversed([part for text in lines for part in clean(text).split("\n")]):
        safe = cut(entities(line.rstrip()).replace("`", f"`{_PAUSE}"), min(line_limit, room))
        if weight(safe) + 2 > room:
            break
        room -= weight(safe) + 2
        kept.append(safe)
    block = "\n".join(reversed(kept)).strip("\n")
    return f"```{block}```" if block.strip() else ""


def link(url: str, label: str) -> str:
    """A link, or only its label when the address is none that a browser should open."""
    safe = clean(url).replace("|", "%7C").replace(" ", "%20").replace("\n", "")
    if not re.match(r"https?://", safe) or weight(safe) > _LONGEST_URL:
        return entities(label)
    return f"<{entities(safe)}|{escape(label, 200).replace('|', '/')}>"


def duration(seconds: float) -> str:
    """`0.4 s`, `42 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`."""
    seconds = max(0.0, seconds)
    if seconds < _TENTHS_BELOW and round(seconds, 1) < _TENTHS_BELOW:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _pair(whole, MINUTE, "min", 1, "s")
    if whole < DAY:
        return _pair(whole, HOUR, "h", MINUTE, "min")
    return _pair(whole, DAY, "d", HOUR, "h")


def about(seconds: float) -> str:
    """A duration that is only an estimate: `under a minute`, `8 min`, `2 h 5 min`."""
    if seconds < MINUTE:
        return "under a minute"
    return duration(math.ceil(seconds / MINUTE) * MINUTE)


def _pair(whole: int, large: int, large_name: str, small: int, small_name: str) -> str:
    first, rest = divmod(whole, large)
    second = rest // small
    return f"{first} {large_name} {second} {small_name}" if second else f"{first} {large_name}"


def size(count: float) -> str:
    """Bytes as people say them: `512 bytes`, `1.2 kB`, `34 MB`."""
    if count < 1_000:  # noqa: PLR2004 - the step from bytes to kilobytes
        return plural(round(count), "byte")
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1_000
        if count < 999.5 or unit == "TB":  # noqa: PLR2004 - what would print as 1000
            break
    return f"{count:.1f} {unit}" if count < _TENTHS_BELOW else f"{count:,.0f} {unit}"


def plural(count: int, noun: str) -> str:
    """`1 file`, `1,234 files`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def number(value: object) -> str:
    """A metric's value: four significant digits, and whole numbers as they are."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return clean(str(value))[:40]
    if isinstance(value, int) and abs(value) < _TOO_LONG:
        return f"{value:,}"
    if isinstance(value, int):
        return "very large" if abs(value) > _TOO_LONG**20 else f"{value:.3e}"
    return f"{value:,.0f}" if _WHOLE_ABOVE <= abs(value) < _TOO_LONG else f"{value:.4g}"


def sparkline(values: Sequence[float], width: int = 20) -> str:
    """`▁▂▃▅▇`: how the values went, the first and the last among them."""
    if len(values) > width:
        values = [values[round(at * (len(values) - 1) / (width - 1))] for at in range(width)]
    least, most = min(values, default=0.0), max(values, default=0.0)
    top = len(_BARS) - 1
    return "".join(
        _BARS[round((value - least) / (most - least) * top) if most > least else top // 2] for value in values
    )


def change(now: object, before: object) -> str:
    """How far a metric moved, with its sign; empty when the two cannot be compared."""
    if isinstance(now, bool) or isinstance(before, bool):
        return ""
    if not (isinstance(now, int | float) and isinstance(before, int | float)):
        return ""
    if max(abs(now), abs(before)) >= _TOO_LONG or not math.isfinite(now - before):
        return ""
    return f"{now - before:+,.4g}" if now != before else "same"


def money(amount: float) -> str:
    """`$0.53`, `less than 1 cent`: dollars, as people say them."""
    return "less than 1 cent" if 0 < amount < _CENT else f"${amount:,.2f}"


def rate(amount: float) -> str:
    """`$1.26 an hour`, `$0.0042 an hour`: a price, of which the first two digits always count."""
    return f"${amount:,.2f} an hour" if amount >= _CENT * 10 or amount == 0 else f"${amount:.2g} an hour"


def whose(name: str, machine: str) -> str:
    """`alice on rack`, without the machine where it is called like its person: that is their own."""
    who = escape(name, 80)
    return who if name.strip().casefold() == machine.strip().casefold() else f"{who} on {code(machine, 60)}"


def listing(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) < 2:  # noqa: PLR2004 - one needs no "and"
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
