"""Slack's users as last seen, so that a command needs no call to know its caller."""

from __future__ import annotations

from bot.ports import Person
from bot.runs.database import Database


class People:
    """Who is who."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, user: str) -> Person | None:
        """Somebody seen before."""
        row = self._database.one("SELECT * FROM people WHERE id = ?", (user,))
        return Person(row["id"], row["name"], row["email"]) if row else None

    def remember(self, person: Person) -> None:
        """Note who somebody is, as Slack says now."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO people (id, name, email, seen_at) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                "name = excluded.name, email = excluded.email, seen_at = excluded.seen_at",
                (person.id, person.name, person.email, self._database.now()),
            )
