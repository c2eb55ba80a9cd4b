"""How each person wants to hear of their runs beside the mention in the thread, which there always is."""

from __future__ import annotations

from dataclasses import dataclass

from bot.runs.database import Database


@dataclass(frozen=True)
class Preference:
    """`also_channel`: a run's last message shows in the channel too. `direct_message`: its end is told there too."""

    also_channel: bool = False
    direct_message: bool = False


class Preferences:
    """What people chose in the app's home tab; the defaults for everybody else."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, user: str) -> Preference:
        """What that person chose."""
        row = self._database.one("SELECT also_channel, direct_message FROM preferences WHERE user = ?", (user,))
        return Preference(bool(row["also_channel"]), bool(row["direct_message"])) if row else Preference()

    def choose(self, user: str, preference: Preference) -> None:
        """From now on like this; runs that have ended stay as they were told."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO preferences (user, also_channel, direct_message) VALUES (?, ?, ?) ON CONFLICT (user) "
                "DO UPDATE SET also_channel = excluded.also_channel, direct_message = excluded.direct_message",
                (user, preference.also_channel, preference.direct_message),
            )
