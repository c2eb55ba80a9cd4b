"""Which ports the stand-ins take, and what a person is told when they cannot be the expected ones."""

import socket

from bot.sandbox.addresses import FIRST, Addresses, choose, is_free, recall, remember


def anything(_port):
    return True


def but(*taken):
    return lambda port: port not in taken


def test_the_first_time_the_ports_are_three_in_a_row():
    chosen, sentences = choose(remembered=None, asked=None, free=anything)
    assert chosen == Addresses(FIRST, FIRST + 1, FIRST + 2)
    assert sentences == []


def test_the_ports_of_the_last_time_are_taken_again():
    before = Addresses(9000, 9500, 9600)
    assert choose(remembered=before, asked=None, free=anything) == (before, [])


def test_asking_for_the_port_that_the_page_has_already_changes_none():
    before = Addresses(9000, 9500, 9600)
    assert choose(remembered=before, asked=9000, free=anything) == (before, [])


def test_a_port_that_is_asked_for_wins_over_the_remembered_one():
    chosen, sentences = choose(remembered=Addresses(9000, 9500, 9600), asked=7000, free=anything)
    assert chosen == Addresses(7000, 7001, 7002)
    assert sentences == []


def test_a_taken_port_is_replaced_and_said():
    chosen, sentences = choose(remembered=None, asked=None, free=but(FIRST))
    assert chosen == Addresses(FIRST + 3, FIRST + 1, FIRST + 2)
    assert sentences == [f"Port {FIRST} is taken by another program, so the page is on port {FIRST + 3} this time."]


def test_moving_away_from_a_remembered_port_warns_of_old_links():
    _, sentences = choose(remembered=Addresses(9000, 9500, 9600), asked=None, free=but(9500))
    (sentence,) = sentences
    assert sentence.startswith("Port 9500 is taken by another program, so the local GitLab is on port 9501 this time.")
    assert sentence.endswith("Links to port 9500 in older messages will not open.")


def test_no_two_stand_ins_get_the_same_port():
    chosen, _ = choose(remembered=None, asked=None, free=but(FIRST, FIRST + 1, FIRST + 2))
    assert len({chosen.slack, chosen.gitlab, chosen.aws}) == 3
    assert not {chosen.slack, chosen.gitlab, chosen.aws} & {FIRST, FIRST + 1, FIRST + 2}


def test_without_any_free_port_the_expected_one_is_kept_so_that_listening_says_what_is_wrong():
    chosen, _ = choose(remembered=None, asked=65_535, free=lambda _port: False)
    assert chosen.slack == 65_535


def test_a_port_with_a_listener_is_not_free():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert not is_free(listener.getsockname()[1])


def test_what_is_remembered_is_recalled(tmp_path):
    file = tmp_path / "addresses.json"
    remember(file, Addresses(1, 2, 3))
    assert recall(file) == Addresses(1, 2, 3)


def test_nothing_useful_is_recalled_from_no_file_or_a_torn_one(tmp_path):
    assert recall(tmp_path / "none.json") is None
    torn = tmp_path / "torn.json"
    torn.write_text('{"slack": 1, "git')
    assert recall(torn) is None
    torn.write_text("[]")
    assert recall(torn) is None
