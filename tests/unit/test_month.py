"""Which month somebody means."""

from datetime import date

import pytest

from commands.month import Month, meant

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("", Month(2026, 11)),
        ("2026-02", Month(2026, 2)),
        ("2025-7", Month(2025, 7)),
        ("November", Month(2026, 11)),
        ("nov", Month(2026, 11)),
        ("december", Month(2025, 12)),
        ("may 2024", Month(2024, 5)),
        ("last", Month(2026, 10)),
    ],
)
def test_a_month_is_named_by_number_name_or_as_the_last_one(text, month):
    assert meant(text, TODAY) == month


@pytest.mark.parametrize(
    "text",
    [
        "2026-13",
        "2026-00",
        "0000-01",
        "9999-12",
        "no",
        "novembre",
        "smarch",
        "1",
        "\u0662\u0660\u0662\u0666-\u0661\u0661",
    ],
)
def test_anything_else_is_no_month(text):
    assert meant(text, TODAY) is None


def test_the_last_month_of_january_is_december():
    assert meant("last", date(2026, 1, 31)) == Month(2025, 12)


def test_a_month_ends_where_the_next_one_begins():
    assert Month(2026, 12).end == Month(2027, 1).begin
    assert Month(2026, 2).end - Month(2026, 2).begin == 28 * 86_400
    assert Month(1970, 1).begin == 0
    assert Month(2026, 11).title == "November 2026"
