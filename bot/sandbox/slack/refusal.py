"""How Slack says no: HTTP 200 and `{"ok": false, "error": code}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.sandbox.slack.checklist import Breach


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of the program
    """Raised anywhere below a Web API method; `more` stands beside `error` in the answer."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.more = more

    @property
    def sentence(self) -> str:
        """The code and, where Slack says more, what is wrong."""
        return "; ".join([self.error, *self.more.get("errors", [])])

    def answer(self) -> dict[str, Any]:
        """The body of the answer."""
        return {"ok": False, "error": self.error, **self.more}


def refuse(breaches: Sequence[Breach]) -> None:
    """Raise the refusal for the first kind of breach, with every sentence of that kind; nothing if there is none."""
    if not breaches:
        return
    code = breaches[0].code
    sentences = [breach for breach in breaches if breach.code == code]
    raise Refusal(
        code,
        errors=[f"{breach.message} [json-pointer:{breach.pointer}]" for breach in sentences],
        response_metadata={"messages": [str(breach) for breach in sentences]},
    )
