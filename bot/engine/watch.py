"""What the upkeep remembers of one machine between two looks. It dies with the process: then more care is taken."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from bot.ports import PowerState

log = logging.getLogger(__name__)

OFF = (PowerState.STOPPED, PowerState.GONE)
LOOKS = 2
"""How many looks in a row must find a machine off under a run: one answer of EC2 may be old news."""


@dataclass
class Watch:
    """Times are epoch seconds."""

    name: str
    seen_off: bool = False
    """This process saw it off. So whatever runs there now was launched later, and this ledger knows of it."""
    off_under: str = ""
    """The uid of the working run under which it was found off, in `off_looks` looks in a row."""
    off_looks: int = 0
    asked_at: float = 0.0
    """When it was last asked for its jobs and its lease was renewed."""
    silent_since: float | None = None
    """Since when it does not tell its jobs although it is on."""
    stop_asked: bool = False
    """Its power was asked to go off: nothing is asked of it any more."""
    heard: set[str] = field(default_factory=set)
    """What was logged of it since it came on."""

    def saw(self, power: PowerState) -> None:
        """Note what the power says."""
        if power in OFF:
            self.seen_off = True
        if power is not PowerState.RUNNING:
            self.silent_since = None
            self.stop_asked = False
            self.heard.clear()

    def found(self, power: PowerState, working: str) -> None:
        """Note what the power says while the run with the uid `working` (empty: none) has a job there."""
        if not working or power not in OFF:
            self.off_under, self.off_looks = "", 0
            return
        self.off_looks = self.off_looks + 1 if self.off_under == working else 1
        self.off_under = working

    def lost(self, uid: str) -> bool:
        """Whether that run's machine is off, and not only by one answer."""
        return self.off_under == uid and self.off_looks >= LOOKS

    def said(self, what: str) -> None:
        """Log it, once until it went off."""
        if what not in self.heard:
            self.heard.add(what)
            log.warning("machine %s: %s", self.name, what)
