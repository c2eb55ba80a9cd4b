"""`/locations` and its verbs over a real ledger: what is answered, what is written, and who may."""

from dataclasses import replace

import pytest

from bot.runs.lines import Lines
from bot.runs.store import Store
from commands.desk import LocationFacts
from tests.unit.test_commands import Office

MINUTE = 60


class Site(Office):
    """The desk of a team with machines of all sorts: alice's, bob's box, a shared one and a pool of two."""

    def __init__(self, folder):
        super().__init__(folder)
        self.store = Store(folder / "ledger.sqlite", self.clock, lines=Lines({"gpus": ("gpu-1", "gpu-2")}))
        facts = (
            LocationFacts("rack-1", "alice@example.com", power="ec2", price_per_hour=0.526),
            LocationFacts("bob", "bob@example.com", power="always-on", switchable=False),
            LocationFacts("spare", shared=True),
            LocationFacts("gpu-1", shared=True, pool="gpus"),
            LocationFacts("gpu-2", shared=True, pool="gpus"),
        )
        lines = {"alice@example.com": "rack-1", "bob@example.com": "bob", "eve@example.com": "gpus"}
        self.desk = replace(
            self.desk, store=self.store, locations={each.name: each for each in facts}, location_for=lines.get
        )

    def machine(self, name="rack-1"):
        return self.store.machines.get(name)

    def occupy(self, name, tag, user="UBOB", *, line=None):
        """A run of somebody's that has the machine, or waits for it when another has."""
        self.store.requests.add(delivery=tag, user=user, channel="C1", branch="main", tag=tag)
        email = self.store.people.get(user).email
        run = self.store.requests.accept(
            self.store.requests.claim(), project="team/fruits", commit="c" * 40, email=email, location=line or name
        )
        while (claimed := self.store.claim()) is not None:
            self.store.reserve(*claimed)
            if claimed[0].id == run.id:
                break
        return self.store.run(run.id)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


# the list


def test_a_machine_shows_power_uptime_disk_price_and_that_it_is_free(site):
    site.store.machines.saw("rack-1", "running")
    site.clock.advance(3 * 3600)
    site.store.machines.saw("rack-1", "running")
    with site.store._database.write() as connection:
        connection.execute("UPDATE machines SET disk_free = 120000000000 WHERE name = 'rack-1'")
    text = site.type("/locations")
    assert text.startswith("*rack-1* · yours · on for 3 h, seen just now · 120 GB free · $0.53 an hour\nfree\n")
    assert "*spare* · shared · state unknown\nfree" in text


def test_a_machine_shows_what_the_cloud_says_of_its_price_and_what_it_cost_today(site):
    site.store.machines.saw("spare", "running", price=1.5)
    site.clock.advance(2 * 3600)
    site.store.machines.saw("spare", "running", price=1.5)
    assert "$1.50 an hour · $3.00 today\nfree" in site.type("/locations")


def test_a_hold_shows_whose_it_is_for_how_long_and_why(site):
    site.type("/locations hold 60 looking at &lt;loss&gt;", "UALICE")
    site.clock.advance(10 * MINUTE)
    assert "alice holds it for another 50 min: looking at &lt;loss&gt;" in site.type("/locations", "UBOB")
    site.clock.advance(50 * MINUTE)
    assert "holds it" not in site.type("/locations", "UBOB")


def test_a_run_and_a_hold_of_the_same_machine_are_both_shown(site):
    site.occupy("spare", "v1")
    site.type("/locations hold spare 30")
    text = site.type("/locations")
    assert "bob has it for 0 s now, with run 1 (`v1`); you hold it for another 30 min" in text


def test_a_pools_machines_stand_together_below_its_name_and_its_line(site):
    for number, user in enumerate(("UALICE", "UBOB", "UEVE"), 1):
        site.occupy("gpus", f"v{number}", user)
    text = site.type("/locations", "UEVE").split("{")[0]
    pool, first, second, *_ = [line for line in text.splitlines() if line.startswith("*")]
    assert pool == "*gpus* · a pool of 2 machines with one queue · shared, and yours to use"
    assert text.splitlines()[1] == "waiting: eve (run 3)"
    assert first.startswith("*gpu-1* · in `gpus`")
    assert second.startswith("*gpu-2* · in `gpus`")
    assert "alice has it" in text
    assert "bob has it" in text
    assert text.count("waiting:") == 1


def test_what_somebody_asked_for_is_shown_until_it_is_done(site):
    site.type("/locations start")
    assert "*rack-1* · of `alice@example.com` · being started, as alice asked" in site.type("/locations", "UBOB")


def test_forty_machines_with_everything_to_say_stay_inside_slacks_limits(site):
    names = [f"{'m' * 50}-{number}" for number in range(40)]
    site.desk = replace(site.desk, locations={name: LocationFacts(name, shared=True) for name in names})
    for name in names:
        site.occupy(name, f"{'t' * 80}{name[-2:]}")
        site.type(f"/locations hold {name} 480 {'<why> ' * 60}")
    assert "and 28 more" in site.type("/locations")


# hold and release


def test_a_hold_says_what_it_means_and_how_to_end_it(site):
    text = site.type("/locations hold 30 debugging the loader")
    assert "`rack-1` is yours for 30 minutes: debugging the loader. Until then only your runs start on it" in text
    assert "`/locations release rack-1`" in text
    row = site.machine()
    assert (row.held_by, row.held_until) == ("UALICE", site.clock.now() + 30 * MINUTE)
    assert (row.held_reason, row.held_channel) == ("debugging the loader", "C1")
    assert site.woken == 1


@pytest.mark.parametrize(
    "line", ["hold 30 x", "HOLD 30min x", "hold 30 min x", "hold Rack-1 30 x", "hold `rack-1` 30m x"]
)
def test_a_hold_is_understood_however_it_is_typed(site, line):
    assert "`rack-1` is yours for 30 minutes: x." in site.type(f"/locations {line}")


def test_a_hold_again_sets_a_new_end_and_keeps_the_reason(site):
    site.type("/locations hold 30 debugging")
    site.clock.advance(20 * MINUTE)
    assert "`rack-1` is yours for 60 minutes from now." in site.type("/locations hold 60")
    assert (site.machine().held_until, site.machine().held_reason) == (site.clock.now() + 60 * MINUTE, "debugging")


@pytest.mark.parametrize("minutes", ["0", "481", "999999999"])
def test_a_hold_lasts_at_most_eight_hours(site, minutes):
    assert "A hold lasts 1 to 480 minutes" in site.type(f"/locations hold {minutes}")
    assert site.machine().held_by is None


@pytest.mark.parametrize(
    "line", ["hold", "hold debugging", "hold rack-1", "hold -5", "hold 1e3", "stop a b", "release a b", "burn", "help"]
)
def test_what_is_not_understood_is_answered_with_the_usage_and_an_example(site, line):
    text = site.type(f"/locations {line}")
    assert "`/locations hold <minutes> [why]` keeps it for you, for example `/locations hold 60 debugging`" in text
    assert site.woken == 0


def test_a_hold_of_a_machine_that_is_off_says_how_to_switch_it_on(site):
    site.store.machines.saw("rack-1", "stopped")
    assert "It is off: `/locations start rack-1` switches it on." in site.type("/locations hold 30")


def test_a_hold_says_whose_run_is_still_on_the_machine(site):
    site.occupy("spare", "v1")
    assert "Run 1 of bob is still on it, and goes on." in site.type("/locations hold spare 30")


def test_a_machine_that_somebody_holds_or_waits_for_is_not_held(site):
    site.type("/locations hold spare 30 debugging")
    text = site.type("/locations hold spare 30", "UBOB")
    assert "`spare` cannot be held now: alice holds it for another 30 min: debugging." in text
    site.occupy("gpus", "v1", "UALICE")
    site.occupy("gpus", "v2", "UALICE")
    site.occupy("gpus", "v3", "UEVE")
    text = site.type("/locations hold gpu-1 30", "UBOB")
    assert "`gpu-1` cannot be held while others wait for it: eve (run 3)." in text


def test_release_without_a_name_is_about_the_machine_that_the_caller_holds(site):
    site.type("/locations hold spare 30")
    assert "Your hold on `spare` has ended" in site.type("/locations release")
    assert site.machine("spare").held_by is None
    assert "Nobody holds `rack-1`." in site.type("/locations release")


def test_nobody_else_releases_a_hold_but_an_admin_does_and_its_holder_is_told(site):
    site.type("/locations hold spare 30 debugging")
    text = site.type("/locations release spare", "UBOB")
    assert "alice holds it for another 30 min: debugging. Only they or an admin can end that." in text
    assert site.machine("spare").held_by == "UALICE"
    assert "The hold of alice on `spare` has ended" in site.type("/locations release spare", "UBOSS")
    (told,) = site.store.outbox.due()
    assert (told.user, told.kind) == ("UALICE", "whisper")
    assert "<@UBOSS> ended your hold on `spare`" in told.text


# start and stop


def test_start_writes_a_wish_and_is_acknowledged_at_once(site):
    assert "Starting `rack-1`. I tell you when it answers" in site.type("/locations start")
    row = site.machine()
    assert (row.wanted, row.wanted_by, row.wanted_channel) == ("on", "UALICE", "C1")
    assert site.woken == 1
    assert "being started already, as you asked" in site.type("/locations start")
    assert "being started already, as alice asked" in site.type("/locations start rack-1", "UBOSS")


def test_a_machine_that_is_on_is_not_started(site):
    site.store.machines.saw("rack-1", "running")
    assert "`rack-1` is on already." in site.type("/locations start")
    assert site.machine().wanted is None


def test_a_machine_that_is_being_stopped_is_started_after_that(site):
    site.store.machines.saw("rack-1", "running")
    assert site.store.machines.take_for_stop("rack-1", idle_for=0)
    assert "It is started again as soon as it is off" in site.type("/locations start")


def test_stop_wins_the_right_to_it_at_once(site):
    site.store.machines.saw("rack-1", "running")
    assert "Stopping `rack-1`. I tell you when it is off." in site.type("/locations stop")
    assert (site.machine().wanted, site.machine().stopping) == ("off", True)
    assert "being stopped already, as you asked" in site.type("/locations stop")


def test_stop_ends_ones_own_hold_and_says_so(site):
    site.store.machines.saw("rack-1", "running")
    site.type("/locations hold 30")
    assert "Your hold on it has ended." in site.type("/locations stop")
    assert site.machine().held_by is None


def test_a_machine_that_somebody_needs_stays_on_and_it_is_said_for_whom(site):
    site.occupy("spare", "v1")
    assert "`spare` stays on: run 1 of bob is on it." in site.type("/locations stop spare")
    site.occupy("gpus", "v2")
    site.occupy("gpus", "v3")
    site.occupy("gpus", "v4", "UEVE")
    site.put(2, holds=0, phase="failed", ended_at=1.0)
    assert "`gpu-1` stays on: eve (run 4) waits for `gpus`." in site.type("/locations stop gpu-1")
    assert not site.machine("gpu-1").stopping


def test_a_machine_that_somebody_holds_is_left_as_it_is(site):
    site.type("/locations hold spare 30 debugging")
    for verb in ("start", "stop"):
        text = site.type(f"/locations {verb} spare", "UBOB")
        assert "`spare` is left as it is: alice holds it for another 30 min: debugging." in text


def test_a_machine_that_is_off_is_not_stopped(site):
    site.store.machines.saw("rack-1", "stopped")
    assert "`rack-1` is off already." in site.type("/locations stop")


def test_an_idle_machine_that_is_being_stopped_is_said_so(site):
    site.store.machines.saw("rack-1", "running")
    assert site.store.machines.take_for_stop("rack-1", idle_for=0)
    assert "`rack-1` is being stopped already." in site.type("/locations stop")


@pytest.mark.parametrize("verb", ["start", "stop"])
def test_a_box_that_is_always_on_says_that_it_cannot_be_switched(site, verb):
    assert "`bob` is always on" in site.type(f"/locations {verb}", "UBOB")
    site.store.machines.saw("rack-1", "gone")
    assert "`rack-1` does not exist any more. Ask #ml-platform" in site.type(f"/locations {verb}")


# who may, and which machine


@pytest.mark.parametrize("verb", ["start", "stop", "hold", "release"])
def test_somebody_elses_machine_is_an_admins_and_nobody_elses_business(site, verb):
    line = f"/locations {verb} rack-1" + (" 30" if verb == "hold" else "")
    text = site.type(line, "UBOB")
    assert "`rack-1` belongs to `alice@example.com`: only they or an admin can do that." in text
    assert (site.machine().wanted, site.machine().held_by, site.woken) == (None, None, 0)
    assert "belongs to" not in site.type(line, "UBOSS")


def test_an_email_address_counts_however_it_is_written(site):
    site.desk.locations["rack-1"] = LocationFacts("rack-1", "Alice@Example.com")
    assert "Starting `rack-1`" in site.type("/locations start rack-1")


def test_shared_machines_are_everybodys_also_of_those_whom_the_bot_does_not_know(site):
    assert "`spare` is yours" in site.type("/locations hold spare 30", "UNEW")


@pytest.mark.parametrize("line", ["start", "stop rack-1", "hold 30", "release"])
def test_a_stranger_is_asked_to_type_it_again_and_is_looked_up_meanwhile(site, line):
    assert "Please try that again in a few seconds." in site.type(f"/locations {line}", "UNEW")
    assert site.store.people.strangers() == ["UNEW"]
    assert site.woken == 1
    assert site.store.machines.get("rack-1").wanted is None


def test_people_of_a_pool_name_the_machine_unless_they_hold_one(site):
    assert "`gpus` is a pool: name one of its machines, `gpu-1` and `gpu-2`." in site.type("/locations start", "UEVE")
    assert "`gpus` is a pool" in site.type("/locations hold gpus 30", "UEVE")
    site.type("/locations hold gpu-2 30", "UEVE")
    assert "Starting `gpu-2`" in site.type("/locations start", "UEVE")


def test_an_unknown_name_is_answered_with_the_nearest_ones(site):
    text = site.type("/locations start rack1")
    assert "There is no location `rack1`. There is `rack-1`" in text
    assert "`spare`" in site.type("/locations start zzzzzz")


def test_somebody_without_a_machine_hears_whom_to_ask(site):
    site.desk = replace(site.desk, location_for=lambda _email: None)
    assert "No machine here is yours. Ask #ml-platform to add one" in site.type("/locations start", "UEVE")
