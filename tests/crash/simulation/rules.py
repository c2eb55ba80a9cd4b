"""What can happen next in an interleaving. Each rule takes the world one step on; a seed decides which ones it has."""

from collections.abc import Callable, Mapping

from bot import crashpoints
from bot.ports import PowerState
from bot.runs.model import Phase, TrainOptions
from tests.crash.simulation.bot_in_time import PEOPLE, POOL, BotInTime
from tests.crash.simulation.doors import FAULTS
from tests.crash.simulation.machine import Machine

POINTS = [name for name in crashpoints.POINTS if not name.startswith(("message-", "request-added"))]
CALLS = ("launch", "launch", "kill", "start", "stop", "status", "read", "decide", "power", "create_release", "publish")
Rule = Callable[[BotInTime], str]
"""Does it, and says what it was."""


def train(bot: BotInTime) -> str:
    user = _user(bot)
    tag = f"v{bot.chance.randint(1, 60)}"
    bot.deliveries.append(f"trigger-{len(bot.deliveries)}")
    return f"{user} /train main {tag}: {_send(bot, bot.deliveries[-1], user, tag)}"


def deliver_again(bot: BotInTime) -> str:
    if not bot.deliveries:
        return "nothing to deliver again"
    delivery = bot.chance.choice(bot.deliveries)
    known = delivery in bot.taken
    answer = _send(bot, delivery, "UALICE", f"v{bot.chance.randint(1, 60)}")
    if known and answer == "taken":
        bot.broken.append(f"{delivery} was taken twice")
    return f"{delivery} again: {answer}"


def _send(bot: BotInTime, delivery: str, user: str, tag: str) -> str:
    if not bot.alive:
        return "nobody there"
    if not bot.train(tag=tag, user=user, delivery=delivery):
        return "there already"
    bot.taken.add(delivery)
    return "taken"


def smoke(bot: BotInTime) -> str:
    user = _user(bot)
    if not bot.alive:
        return "nobody there"
    taken = bot.train(tag="smoke-of-main", user=user, options=TrainOptions(smoke=True))
    return f"{user} /train main --smoke: {'taken' if taken else 'there already'}"


def reproduce(bot: BotInTime) -> str:
    """Somebody makes a release again, or wants to, of a tag that may be none; its run holds up no other of that tag."""
    user = _user(bot)
    if not bot.alive:
        return "nobody there"
    tag = bot.chance.choice([*bot.code.tags_made, f"v{bot.chance.randint(1, 60)}"])
    return f"{user} /reproduce {tag}: {'taken' if bot.reproduce(tag, user=user) else 'there already'}"


def try_again(bot: BotInTime) -> str:
    """Somebody tries a run again, or two people the same one at once."""
    runs = bot.store.runs(limit=100) if bot.alive else []
    runs = [run for run in runs if run.phase in (Phase.FAILED, Phase.CANCELLED)]
    if not runs:
        return "nothing to try again"
    run = bot.chance.choice(runs)
    taken = [bot.retry(run, user=_user(bot)) for _ in range(bot.chance.choice((1, 2)))]
    return f"/retry {run.id}, which is {run.phase}: {taken}"


def cancel(bot: BotInTime) -> str:
    runs = bot.store.runs(only_open=True, limit=100) if bot.alive else []
    if not runs:
        return "nothing to cancel"
    run = bot.chance.choice(runs)
    bot.store.cancel(run.id, run.user)
    return f"/cancel {run.id}, which is {run.phase}"


def decide(bot: BotInTime) -> str:
    """Somebody decides on a result that was held back, or two people at once."""
    waiting = bot.store.runs(phases=(Phase.HELD_BACK,), limit=100) if bot.alive else []
    if not waiting:
        return "nothing to decide"
    run, verdicts = bot.chance.choice(waiting), bot.store.verdicts
    decided = []
    for _ in range(bot.chance.choice((1, 2))):
        if bot.chance.random() < 0.5:
            decided.append(verdicts.discard(run.id, user=_user(bot)))
        else:
            decided.append(verdicts.release(run.id, user=_user(bot), who="somebody", reason="it is fine"))
    known = bool(run.cancelled_by)
    if len([each for each in decided if each is not None]) != (0 if known else 1):
        bot.broken.append(f"run {run.id} was decided on {decided}")
    return f"run {run.id}, which is held back, is decided on by {len(decided)}"


def hold(bot: BotInTime) -> str:
    """Somebody keeps a machine, or gives it back before the time."""
    machine, user = _machine(bot).name, _user(bot)
    if not bot.alive:
        return "nobody there"
    if bot.chance.random() < 0.3:
        return f"{user} lets go of {machine}: {bot.store.holds.release(machine, by=user) is not None}"
    until = bot.clock.now() + bot.chance.choice((30.0, 120.0, 400.0))
    held = bot.store.holds.take(machine, user=user, until=until, reason="", channel="C1")
    return f"{user} holds {machine}: {held}"


def switch(bot: BotInTime) -> str:
    """Somebody wants a machine on, or off."""
    machine, user = _machine(bot).name, _user(bot)
    if not bot.alive:
        return "nobody there"
    wish = bot.chance.choice((bot.store.wishes.start, bot.store.wishes.stop))
    return f"{user} wants to {wish.__name__} {machine}: {wish(machine, user=user, channel='C1')}"


def crash_at_a_point(bot: BotInTime) -> str:
    point, times = bot.chance.choice(POINTS), bot.chance.choice((1, 1, 2))
    bot.arm(point, times)
    return f"a crash is set for the {times}. {point}"


def crash_now(bot: BotInTime) -> str:
    if bot.alive:
        bot.die("kill -9")
    return "kill -9"


def trouble_with_a_call(bot: BotInTime) -> str:
    call, fault = bot.chance.choice(CALLS), bot.chance.choice(FAULTS)
    if call in ("stop", "power") and fault == "pause":
        fault = "refused"  # the upkeep is one thread, and its calls last seconds (bot/ports.py)
    bot.doors.arm(call, fault)
    return f"the next {call} meets: {fault}"


def door_shut(bot: BotInTime) -> str:
    name = bot.chance.choice(list(bot.machines))
    door = bot.chance.choice(("gitlab", "s3", "slack", f"{name}'s shell", f"{name}'s shell", f"{name}'s cloud"))
    seconds = bot.chance.choice((5.0, 30.0, 90.0, 200.0))
    bot.doors.shut(door, seconds)
    return f"{door} is away for {seconds:.0f} s"


def stale_cloud(bot: BotInTime) -> str:
    machine = _machine(bot)
    state = bot.chance.choice((machine.state, machine.state, PowerState.UNKNOWN))
    machine.be_stale(bot.chance.uniform(2, 25), state)
    return f"the cloud goes on saying that {machine.name} is {state}"


def no_capacity(bot: BotInTime) -> str:
    """For one machine, or for a whole kind of them: those of a pool are often alike."""
    names = bot.chance.choice(([_machine(bot).name], POOL[:2], POOL))
    until = bot.hours.now + bot.chance.choice((20.0, 100.0))
    for name in names:
        bot.machines[name].no_capacity_until = until
    return f"no capacity for {', '.join(names)}"


def human_stops(bot: BotInTime) -> str:
    machine = _machine(bot)
    machine.switch_off()
    return f"somebody stops {machine.name}"


def human_starts(bot: BotInTime) -> str:
    machine = _machine(bot)
    machine.switch_on()
    return f"somebody starts {machine.name}"


def power_cut(bot: BotInTime) -> str:
    machine = _machine(bot)
    machine.end(PowerState.STOPPED)
    return f"{machine.name} loses its power"


def terminated(bot: BotInTime) -> str:
    machine = _machine(bot)
    if bot.chance.random() < 0.7:
        return "nobody terminates a machine"
    machine.end(PowerState.GONE)
    return f"somebody terminates {machine.name}"


def spot_notice(bot: BotInTime) -> str:
    machine = _machine(bot)
    machine.take_back()
    return f"the cloud takes {machine.name} back in two minutes"


def clock_set(bot: BotInTime) -> str:
    by = bot.chance.choice((-3_600.0, 3_600.0))
    bot.hours.wall_is_wrong_by += by
    return f"the wall clock is set by {by:+.0f} s"


def _user(bot: BotInTime) -> str:
    return "U" + bot.chance.choice(list(PEOPLE)).upper()


def _machine(bot: BotInTime) -> Machine:
    return bot.chance.choice(list(bot.machines.values()))


ALWAYS: Mapping[Rule, int] = {train: 8, cancel: 3, deliver_again: 1}
SOMETIMES: Mapping[Rule, int] = {
    hold: 2,
    smoke: 2,
    reproduce: 2,
    try_again: 4,
    decide: 6,
    switch: 2,
    crash_at_a_point: 4,
    crash_now: 2,
    trouble_with_a_call: 6,
    door_shut: 3,
    stale_cloud: 3,
    no_capacity: 2,
    human_stops: 2,
    human_starts: 2,
    power_cut: 1,
    terminated: 1,
    spot_notice: 2,
    clock_set: 1,
}
"""Each seed has about half of them, so that one fault does not hide what another one shows."""
