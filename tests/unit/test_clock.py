"""The real clock, with a wall that somebody sets."""

from bot.clock import SystemClock


def test_a_wall_that_is_set_while_the_process_lives_moves_nothing():
    wall, steady = [1_800_000_000.0], [500.0]
    clock = SystemClock(wall=lambda: wall[0], steady=lambda: steady[0])
    wall[0] += 3_600
    steady[0] += 7
    assert clock.now() == 1_800_000_007.0
    assert clock.monotonic() == 507.0


def test_the_next_process_takes_the_wall_as_it_is():
    assert SystemClock(wall=lambda: 1_800_003_600.0, steady=lambda: 500.0).now() == 1_800_003_600.0
