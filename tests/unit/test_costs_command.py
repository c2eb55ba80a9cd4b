"""`/costs` over a real ledger: sums that sum up, inside Slack's limits, and never a price that nobody knows."""

import re

import pytest

from bot.ports import Person
from bot.runs.store import Store
from commands import costs
from commands.desk import Call, Desk
from tests.doubles.clock import TestClock
from tests.doubles.payloads import wrong_with_message

NOVEMBER = 1_793_491_200.0
"""2026-11-01, midnight UTC."""
HOUR = 3_600


class Office:
    """A ledger with machine time in it, at noon of the fourth of November."""

    def __init__(self, folder):
        self.clock = TestClock(start=NOVEMBER + 84 * HOUR)
        self.store = Store(folder / "ledger.sqlite", self.clock)
        self.desk = Desk(store=self.store, clock=self.clock, project="team/fruits")
        self.store.people.remember(Person("UALICE", "alice", "alice@example.com"))

    def on(self, begin, hours, price=1.0, machine="rack"):
        self._insert("power_log", machine=machine, on_at=begin, off_at=begin + hours * HOUR, seen_at=begin,
                     price_per_hour=price)  # fmt: skip

    def run(
        self, begin, hours, *, user="UALICE", branch="main", project="team/fruits", phase="released", machine="rack"
    ):
        """Trains from `begin` on, without any other phase."""
        times = f'{{"starting": {begin}, "training": {begin}, "freed": {begin + hours * HOUR}}}'
        self._insert("runs", key=self.clock.token(), project=project, branch=branch, commit="c", tag=self.clock.token(),
                     user=user, email="", channel="C1", queue=machine, location=machine, phase=phase, created_at=begin,
                     phase_at=begin, ended_at=begin, due_at=begin, times=times)  # fmt: skip

    def ask(self, text=""):
        reply = costs.handle(Call("UALICE", "C1", text, "t1"), self.desk)
        assert wrong_with_message(reply.text, reply.blocks) == []
        return "\n".join([reply.text, *(block_text(block) for block in reply.blocks)])

    def _insert(self, table, **values):
        names, marks = ", ".join(f'"{name}"' for name in values), ", ".join("?" for _ in values)
        with self.store._database.write() as connection:
            connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))


def block_text(block):
    elements = block.get("elements") or [block]
    return "\n".join(each["text"] if isinstance(each["text"], str) else each["text"]["text"] for each in elements)


def column(text, title):
    """The dollars of a table, by name."""
    rows = re.search(rf"\*{title}\*\n```(.*?)```", text, flags=re.DOTALL)[1].splitlines()
    return {
        name.strip(): float(dollars.replace(",", "")) for name, dollars in (row.split("$") for row in map(bare, rows))
    }


def bare(row):
    return re.sub(r"\s+\d+%$", "", row)


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


def test_a_month_is_shown_by_what_it_went_to_by_person_and_by_branch(office):
    office.on(NOVEMBER, hours=10, price=3.0)
    office.run(NOVEMBER + HOUR, hours=4)
    office.run(NOVEMBER + 6 * HOUR, hours=3, user="UBOB", branch="feature/wider", phase="failed")
    text = office.ask()
    assert text.startswith("Costs of November 2026: *$30.00* for 10 h of machine time")
    assert column(text, "What it went to") == {"training": 12.0, "runs that failed": 9.0, "idle machines": 9.0}
    assert column(text, "By person") == {"alice": 15.0, "UBOB": 12.0, "nobody's": 3.0}
    assert column(text, "By branch") == {"main": 15.0, "feature/wider": 12.0, "nobody's": 3.0}
    assert "alice     $15.00  50%" in text
    assert "By project" not in text


def test_several_projects_are_told_apart(office):
    office.on(NOVEMBER, hours=2)
    office.run(NOVEMBER, hours=1)
    office.run(NOVEMBER + HOUR, hours=1, project="team/flowers")
    assert column(office.ask(), "By project") == {"team/fruits": 1.0, "team/flowers": 1.0}


def test_each_table_sums_to_the_total_to_the_cent(office):
    office.on(NOVEMBER, hours=30, price=0.333)
    for number in range(29):
        office.run(NOVEMBER + number * HOUR, hours=0.7, user=f"U{number}", branch=f"branch-{number % 13}")
    text = office.ask()
    assert text.startswith("Costs of November 2026: *$9.99*")
    for title in ("What it went to", "By person", "By branch"):
        assert round(sum(column(text, title).values()), 2) == 9.99
    assert len(column(text, "By person")) == costs.SHOWN
    assert "22 others" in text


def test_a_month_takes_only_its_own_share_of_a_machine_that_was_on_over_its_end(office):
    office.on(NOVEMBER - 5 * HOUR, hours=8, price=1.0)
    office.run(NOVEMBER - 5 * HOUR, hours=8)
    assert "*$3.00*" in office.ask("november")
    assert "*$5.00*" in office.ask("last")
    assert "*$5.00*" in office.ask("2026-10")


def test_a_small_bill_is_shown_in_hundredths_of_a_cent(office):
    office.on(NOVEMBER, hours=0.1, price=0.526)
    assert "*$0.0526*" in office.ask()


def test_time_without_a_price_is_named_and_in_no_sum(office):
    office.on(NOVEMBER, hours=2, price=1.0)
    office.on(NOVEMBER, hours=3, price=None, machine="bob")
    text = office.ask()
    assert "*$2.00* for 2 h of machine time" in text
    assert "No price is known for `bob` (3 h), so that is in no sum." in text


def test_a_month_without_any_price_is_not_known_rather_than_nothing(office):
    office.on(NOVEMBER, hours=3, price=None)
    assert (
        office.ask()
        == "What November 2026 cost is not known. No price is known for `rack` (3 h), so that is in no sum."
    )


def test_a_month_in_which_nothing_was_on_says_so(office):
    assert "February 2026: no machine was on, so nothing was spent." in office.ask("february")


@pytest.mark.parametrize("text", ["soon", "2026-13", "last month please", "<!channel>"])
def test_what_is_no_month_is_asked_for(office, text):
    assert office.ask(text).startswith("Which month? `/costs")


def test_hostile_names_break_nothing(office):
    office.on(NOVEMBER, hours=40)
    office.store.people.remember(Person("UEVIL", "<!channel> ```*" * 20, ""))
    for number in range(20):
        office.run(
            NOVEMBER + number * HOUR, hours=1, user="UEVIL", branch="`<@U1>" * 30 + str(number), project=f"p{number}"
        )
    text = office.ask()
    assert "<!channel>" not in text
    assert "<@U1>" not in text
