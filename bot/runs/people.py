"""Slack's users as last seen, so that a command needs no call to know its caller."""

from __future__ import annotations

from bot.ports import Person
from bot.runs.database import Database


class People:
    """Who is who."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, user: str) -> Person | None:
        """Somebody whom Slack has told of."""
        row = self._database.one("SELECT * FROM people WHERE id = ? AND name <> ''", (user,))
        return Person(row["id"], row["name"], row["email"], row["tz"]) if row else None

    def called(self, name: str) -> list[Person]:
        """Everybody who is called that: by their name, or by their e-mail address or its first part; case aside."""
        rows = self._database.all(
            "SELECT * FROM people WHERE name <> '' AND :name IN "
            "(lower(name), lower(email), lower(substr(email, 1, instr(email, '@') - 1)))",
            {"name": name.lower()},
        )
        return [Person(row["id"], row["name"], row["email"]) for row in rows]

    def remember(self, person: Person) -> None:
        """Note who somebody is, as Slack says now."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO people (id, name, email, tz, seen_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
                "SET name = excluded.name, email = excluded.email, tz = excluded.tz, seen_at = excluded.seen_at",
                (person.id, person.name, person.email, person.tz, self._database.now()),
            )

    def meet(self, user: str) -> None:
        """Note a stranger: somebody who is not known, and has to be before their command can be answered."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO people (id, name, email, seen_at) VALUES (?, '', '', ?)",
                (user, self._database.now()),
            )

    def strangers(self) -> list[str]:
        """Those who are noted and not known."""
        return [row["id"] for row in self._database.all("SELECT id FROM people WHERE name = ''")]

    def forget(self, user: str) -> None:
        """Take back the note of a stranger."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM people WHERE id = ? AND name = ''", (user,))
