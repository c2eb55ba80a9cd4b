"""Forty runs of one pool and four threads that move them at once, as the workers of a bot do."""

from concurrent.futures import ThreadPoolExecutor

from bot.runs.model import Phase

RUNS, THREADS = 40, 4
DUE = "SELECT 1 FROM runs WHERE ended_at IS NULL AND (lease IS NOT NULL OR due_at <= ?)"
GIVEN = "SELECT run_id, location, deed FROM journal WHERE deed IN ('reserve', 'give-back') ORDER BY id"


def rush(station, end):
    """Ask for runs of the pool `gpus` and move them until no more can be done; who was given which machine, in order.

    `end(run, lease)` says what becomes of a run that has a machine. The clock stands still, so whoever gets nothing
    looks again only when woken: a lost wake leaves a run open.
    """
    store = station.store
    for number in range(RUNS):
        store.requests.add(delivery=f"{number}", user="UALICE", channel="C1", branch="main", tag=f"v{number}")
        store.requests.accept(
            store.requests.claim(), project="p", commit="c" * 40, email="alice@example.com", location="gpus"
        )
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda _: _work(station, end), range(THREADS)))
    return store._database.all(GIVEN)


def _work(station, end):
    store = station.store
    while (claimed := store.claim()) or store._database.one(DUE, (station.clock.now(),)):
        if claimed is None:
            continue
        run, lease = claimed
        if run.phase is Phase.QUEUED:
            store.reserve(run, lease)
        else:
            end(run, lease)
    store.close()


def runs_given(rows):
    """The runs that were given a machine, and which, in order."""
    return [(row["run_id"], row["location"]) for row in rows if row["deed"] == "reserve"]


def out_of_turn(rows, machines):
    """What happened to the machines that were not given back each time before they were given again, and in the end."""
    deeds = {name: [row["deed"] for row in rows if row["location"] == name] for name in machines}
    return {name: done for name, done in deeds.items() if done != ["reserve", "give-back"] * (len(done) // 2)}
