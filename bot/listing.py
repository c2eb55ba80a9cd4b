"""`stationmaster runs`: the ledger on a terminal, for whoever looks after the bot. Reads only."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TextIO

from bot.clock import SystemClock, iso
from bot.errors import UserError
from bot.runs.logbook import LogBook
from bot.runs.model import SENTENCES, Run
from bot.runs.store import Store


def show(home: Path, number: int | None, *, log: bool, out: TextIO) -> int:
    """Print the newest runs, one run with its journal, or one run's log; returns the exit status."""
    ledger = home / "ledger.sqlite"
    if not ledger.exists():
        raise UserError(f"There is no ledger in {home}. Name the bot's folder with --home or STATIONMASTER_HOME.")
    store = Store(ledger, SystemClock())
    try:
        if number is None:
            for run in store.runs(limit=50):
                print(_line(run), file=out)
            return 0
        found = store.run(number)
        if found is None:
            raise UserError(f"There is no run {number}. `stationmaster runs` lists them.")
        if log:
            return _log(LogBook(home / "logs"), found, out)
        _details(store, found, out)
        return 0
    finally:
        store.close()


def _line(run: Run) -> str:
    return f"{run.id:>5}  {iso(run.created_at)}  {run.phase:<10}  {run.location:<16}  {run.branch} -> {run.tag}"


def _details(store: Store, run: Run, out: TextIO) -> None:
    print(_line(run), file=out)
    print(f"       for {run.email or run.user}, commit {run.commit}", file=out)
    if run.reason:
        print(f"       {SENTENCES[run.reason]} {json.dumps(run.detail)}", file=out)
    for entry in store.journal.of_run(run.id):
        print(f"       {iso(entry['at'])}  {entry['actor']:<12} {entry['deed']}", file=out)


def _log(logs: LogBook, run: Run, out: TextIO) -> int:
    path = logs.path(run.uid)
    if not path.exists():
        raise UserError(f"Run {run.id} has no log yet.")
    with path.open(encoding="utf-8", errors="replace") as file:
        shutil.copyfileobj(file, out)
    return 0
