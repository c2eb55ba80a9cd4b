"""The ledger's schema, one function a change, in order; applied and recorded in one transaction each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils import Migrations

if TYPE_CHECKING:
    from sqlite_utils import Database

migrations = Migrations("stationmaster")


@migrations()
def runs(db: Database) -> None:
    """Runs, each of which is in one phase; `holds` is the reservation of its location."""
    db.conn.execute(
        """
        CREATE TABLE runs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT NOT NULL UNIQUE,
            project TEXT NOT NULL,
            branch TEXT NOT NULL,
            "commit" TEXT NOT NULL,
            tag TEXT NOT NULL,
            kind TEXT NOT NULL DEFAULT 'train',
            options TEXT NOT NULL DEFAULT '{}',
            retry_of INTEGER REFERENCES runs(id),
            user TEXT NOT NULL,
            email TEXT NOT NULL,
            channel TEXT NOT NULL,
            queue TEXT NOT NULL,
            location TEXT NOT NULL,
            phase TEXT NOT NULL,
            created_at REAL NOT NULL,
            phase_at REAL NOT NULL,
            thread TEXT,
            reason TEXT,
            detail TEXT NOT NULL DEFAULT '{}',
            fence INTEGER NOT NULL DEFAULT 0,
            holds INTEGER NOT NULL DEFAULT 0,
            attempt INTEGER NOT NULL DEFAULT 1,
            cancelled_by TEXT,
            events_read INTEGER NOT NULL DEFAULT 0,
            log_read INTEGER NOT NULL DEFAULT 0,
            times TEXT NOT NULL DEFAULT '{}',
            progress TEXT NOT NULL DEFAULT '{}',
            result TEXT NOT NULL DEFAULT '{}',
            ended_at REAL,
            due_at REAL NOT NULL,
            lease TEXT,
            lease_until REAL,
            version INTEGER NOT NULL DEFAULT 1,
            shown_version INTEGER NOT NULL DEFAULT 0
        )
        """
    )


@migrations()
def rules_of_runs(db: Database) -> None:
    """What may be open at the same time, and which runs the workers look for.

    `one_holder_per_location` is the reservation itself. A smoke test and a reproduction make no tag, so they are in
    nobody's way; a person has the same one made once at a time. A run is tried again once: what failed again is tried
    again itself.
    """
    db.conn.execute("CREATE UNIQUE INDEX one_holder_per_location ON runs(location) WHERE holds = 1")
    db.conn.execute(
        "CREATE UNIQUE INDEX one_open_run_per_tag ON runs(project, tag) "
        "WHERE ended_at IS NULL AND kind NOT IN ('smoke', 'reproduce')"
    )
    db.conn.execute(
        "CREATE UNIQUE INDEX one_open_smoke_test ON runs(project, branch, user, options) "
        "WHERE ended_at IS NULL AND kind = 'smoke'"
    )
    db.conn.execute(
        "CREATE UNIQUE INDEX one_open_reproduction ON runs(project, tag, user) "
        "WHERE ended_at IS NULL AND kind = 'reproduce'"
    )
    db.conn.execute("CREATE UNIQUE INDEX one_retry_of_a_run ON runs(retry_of) WHERE retry_of IS NOT NULL")
    db.conn.execute(
        "CREATE INDEX runs_to_do ON runs(due_at) WHERE holds = 1 OR phase IN ('queued', 'releasing') "
        "OR (phase = 'held-back' AND cancelled_by IS NOT NULL)"
    )


@migrations()
def requests(db: Database) -> None:
    """Commands that were acknowledged and wait for their check; `delivery` is Slack's trigger id."""
    db.conn.execute(
        """
        CREATE TABLE requests (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            delivery TEXT NOT NULL UNIQUE,
            user TEXT NOT NULL,
            channel TEXT NOT NULL,
            branch TEXT NOT NULL,
            tag TEXT NOT NULL,
            kind TEXT NOT NULL DEFAULT 'train',
            options TEXT NOT NULL DEFAULT '{}',
            project TEXT NOT NULL DEFAULT '',
            retry_of INTEGER REFERENCES runs(id),
            by_commit TEXT NOT NULL DEFAULT '',
            state TEXT NOT NULL DEFAULT 'new',
            run_id INTEGER REFERENCES runs(id),
            created_at REAL NOT NULL,
            due_at REAL NOT NULL,
            tries INTEGER NOT NULL DEFAULT 0,
            lease TEXT,
            lease_until REAL
        )
        """
    )
    db.conn.execute(
        "CREATE UNIQUE INDEX one_open_request ON requests(user, channel, branch, tag, kind, options) "
        "WHERE state = 'new' AND retry_of IS NULL"
    )
    db.conn.execute("CREATE UNIQUE INDEX one_open_retry ON requests(retry_of) WHERE state = 'new'")


@migrations()
def heads(db: Database) -> None:
    """Where each branch stood when it was last looked at for commits that ask for a run."""
    db.conn.execute(
        'CREATE TABLE heads (project TEXT NOT NULL, branch TEXT NOT NULL, "commit" TEXT NOT NULL, '
        "PRIMARY KEY (project, branch))"
    )


@migrations()
def statuses(db: Database) -> None:
    """Runs that answer a push, and what GitLab was told of their commit last."""
    db.conn.execute(
        "CREATE TABLE statuses (run_id INTEGER PRIMARY KEY REFERENCES runs(id), told TEXT NOT NULL DEFAULT '', "
        "due_at REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0)"
    )


@migrations()
def outbox(db: Database) -> None:
    """What Slack is to be told: written with the change that it tells of, delivered in order within a run."""
    db.conn.execute(
        """
        CREATE TABLE outbox (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            run_id INTEGER REFERENCES runs(id),
            channel TEXT NOT NULL,
            user TEXT NOT NULL DEFAULT '',
            text TEXT NOT NULL,
            data TEXT NOT NULL DEFAULT '{}',
            state TEXT NOT NULL DEFAULT 'pending',
            ts TEXT,
            tries INTEGER NOT NULL DEFAULT 0,
            created_at REAL NOT NULL,
            due_at REAL NOT NULL,
            sent_at REAL
        )
        """
    )
    db.conn.execute("CREATE INDEX outbox_to_send ON outbox(due_at) WHERE state IN ('pending', 'sending')")


@migrations()
def plots(db: Database) -> None:
    """What a run's pictures are drawn from, as JSON (bot/runs/plots.py)."""
    db.conn.execute("CREATE TABLE plots (run_id INTEGER PRIMARY KEY REFERENCES runs(id), data TEXT NOT NULL)")


@migrations()
def errands(db: Database) -> None:
    """What people asked for that takes a look outside (bot/engine/errands.py)."""
    db.conn.execute(
        """
        CREATE TABLE errands (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            delivery TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            channel TEXT NOT NULL,
            thread TEXT NOT NULL DEFAULT '',
            user TEXT NOT NULL,
            data TEXT NOT NULL DEFAULT '{}',
            done INTEGER NOT NULL DEFAULT 0,
            created_at REAL NOT NULL,
            due_at REAL NOT NULL,
            tries INTEGER NOT NULL DEFAULT 0
        )
        """
    )


@migrations()
def journal(db: Database) -> None:
    """Who did what, when: append-only, enough to replay what every run did (security check 20)."""
    db.conn.execute(
        """
        CREATE TABLE journal (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL,
            run_id INTEGER,
            location TEXT,
            actor TEXT NOT NULL,
            deed TEXT NOT NULL,
            fence INTEGER,
            data TEXT NOT NULL DEFAULT '{}'
        )
        """
    )
    db.conn.execute("CREATE INDEX journal_of_run ON journal(run_id)")
    for verb in ("UPDATE", "DELETE"):
        db.conn.execute(
            f"CREATE TRIGGER journal_no_{verb.lower()} BEFORE {verb} ON journal "
            "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
        )


@migrations()
def machines(db: Database) -> None:
    """What is known of each location's power, who holds it by hand, and what somebody asked of it.

    `stopping` is the compare-and-set that reserve respects. `wanted` (`on`, `off`) is a person's wish that the upkeep
    has not fulfilled yet.
    """
    db.conn.execute(
        """
        CREATE TABLE machines (
            name TEXT PRIMARY KEY,
            state TEXT NOT NULL DEFAULT 'unknown',
            seen_at REAL,
            on_since REAL,
            idle_since REAL,
            stopping INTEGER NOT NULL DEFAULT 0,
            held_by TEXT,
            held_until REAL,
            held_reason TEXT NOT NULL DEFAULT '',
            held_channel TEXT NOT NULL DEFAULT '',
            wanted TEXT,
            wanted_by TEXT,
            wanted_channel TEXT NOT NULL DEFAULT '',
            wanted_at REAL,
            disk_free INTEGER,
            disk_seen_at REAL
        )
        """
    )


@migrations()
def power_log(db: Database) -> None:
    """When each machine was on, and what an hour of it cost then: what every sum of money is made from.

    `seen_at` is when it was last seen on. `by_use`: it costs only while a run uses it.
    """
    db.conn.execute(
        """
        CREATE TABLE power_log (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            machine TEXT NOT NULL,
            on_at REAL NOT NULL,
            off_at REAL,
            seen_at REAL NOT NULL,
            price_per_hour REAL,
            by_use INTEGER NOT NULL DEFAULT 0
        )
        """
    )
    db.conn.execute("CREATE UNIQUE INDEX one_open_interval ON power_log(machine) WHERE off_at IS NULL")
    db.conn.execute("CREATE INDEX power_log_by_machine ON power_log(machine, on_at)")


@migrations()
def people(db: Database) -> None:
    """Slack's users as last seen, so that a command needs no call to know its caller."""
    db.conn.execute(
        "CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, "
        "tz TEXT NOT NULL DEFAULT '', seen_at REAL NOT NULL)"
    )


@migrations()
def notifications(db: Database) -> None:
    """What people want to hear of beside their runs' threads: by person, by channel, and once a day."""
    db.conn.execute(
        """
        CREATE TABLE preferences (
            user TEXT PRIMARY KEY,
            also_channel INTEGER NOT NULL DEFAULT 0,
            direct_message INTEGER NOT NULL DEFAULT 0
        )
        """
    )
    db.conn.execute(
        """
        CREATE TABLE subscriptions (
            channel TEXT NOT NULL,
            project TEXT NOT NULL,
            what TEXT NOT NULL,
            branch TEXT NOT NULL,
            user TEXT NOT NULL,
            created_at REAL NOT NULL,
            PRIMARY KEY (channel, project, what, branch)
        )
        """
    )
    db.conn.execute(
        """
        CREATE TABLE digests (
            place TEXT NOT NULL,
            project TEXT NOT NULL,
            hour INTEGER NOT NULL,
            tz TEXT NOT NULL,
            said_day TEXT NOT NULL,
            PRIMARY KEY (place, project)
        )
        """
    )


@migrations()
def homes(db: Database) -> None:
    """Who has opened the home tab, and what it was drawn from last; `said` is what a press of its buttons came to."""
    db.conn.execute(
        """
        CREATE TABLE homes (
            user TEXT PRIMARY KEY,
            opened_at REAL NOT NULL,
            shown_at REAL NOT NULL DEFAULT 0,
            stamp TEXT NOT NULL DEFAULT '',
            said TEXT NOT NULL DEFAULT '',
            said_at REAL NOT NULL DEFAULT 0
        )
        """
    )


@migrations()
def merge_notes(db: Database) -> None:
    """Released runs whose branch may have a merge request, which is still to be told of the metrics."""
    db.conn.execute(
        """
        CREATE TABLE merge_notes (
            run_id INTEGER PRIMARY KEY REFERENCES runs(id),
            due_at REAL NOT NULL,
            tries INTEGER NOT NULL DEFAULT 0
        )
        """
    )
