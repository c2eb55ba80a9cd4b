"""The modal behind `/train`: opened from memory, filled from GitLab, sent off as a request like any other."""

from dataclasses import replace

import pytest

from bot.engine.scout import Scout
from bot.engine.world import Doors
from bot.errors import Conflict, NotFound, Unavailable
from bot.ports import Person
from bot.runs.allowance import Allowance
from bot.runs.model import TrainOptions
from bot.sandbox.slack.limits import check_view
from commands import COMMANDS, modal
from commands.desk import Call, Desk, LocationFacts, Press, Submission
from commands.modal import view
from commands.modal.draft import USUAL, Private
from tests.doubles.doors import FakeCodeHost
from tests.doubles.project import a_project
from tests.doubles.station import Station

HEAD = "a" * 40
TRAIN = COMMANDS[0]


class Glass:
    """Slack's screens: what is shown in each modal now, and whatever was shown before."""

    def __init__(self):
        self.shown, self.history, self.errors = {}, [], []

    def open(self, trigger, shown):
        self._fail()
        assert check_view(shown, "modal") == []
        view_id = f"V{trigger}"
        self.update(view_id, shown, known=True)
        return view_id

    def update(self, view_id, shown, *, known=False):
        self._fail()
        if not known and view_id not in self.shown:
            raise NotFound("no such view")
        assert check_view(shown, "modal") == []
        self.shown[view_id] = shown
        self.history.append(shown)

    def _fail(self):
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error


class Room:
    """A desk with an engine behind it, and Alice, who types and presses."""

    def __init__(self, folder):
        self.station = Station(folder)
        self.station.code.contents[HEAD] = a_project()
        self.glass, self.errands = Glass(), []
        store = self.station.store
        for name in ("alice", "bob", "boss"):
            store.people.remember(Person(f"U{name.upper()}", name, f"{name}@example.com"))
        self.scout = Scout(self.station.world)
        self.desk = Desk(
            store=store,
            clock=self.station.clock,
            project="team/fruits",
            locations={
                "alice": LocationFacts("alice", "alice@example.com", price_per_hour=0.5),
                "bob": LocationFacts("bob", "bob@example.com"),
                "rack-1": LocationFacts("rack-1", shared=True, pool="racks", price_per_hour=1.0),
                "rack-2": LocationFacts("rack-2", shared=True, pool="racks"),
            },
            location_for=lambda email: email.partition("@")[0] if email in OWNERS else None,
            admins=frozenset({"UBOSS"}),
            scout=self.scout,
            screens=self.glass,
            later=self.errands.append,
        )

    def type(self, text="", user="UALICE", trigger="1", channel="C1"):
        reply = TRAIN.handle(Call(user, channel, text, trigger), self.desk.at(channel))
        return reply and reply.text

    def work(self):
        """Do what was left for later."""
        while self.errands:
            self.errands.pop(0)()

    def open(self, text="", **call):
        assert self.type(text, **call) is None
        self.work()
        return self.glass.shown["V1"]

    def press(self, action=view.AGAIN, **values):
        shown = {**self.glass.shown["V1"], "id": "V1"}
        press = Press("UALICE", action, "", "2", view=shown, values=entered(self.glass.shown["V1"]) | values)
        for button in modal.BUTTONS:
            if button.action == action:
                assert button.press(press, self.desk) is None

    def submit(self, user="UALICE", **values):
        shown = self.glass.shown["V1"]
        everything = entered(shown) | values
        return modal.FORM.submit(
            Submission(user, "train", "3", private=shown["private_metadata"], view_id="V1", values=everything),
            self.desk,
        )

    def requests(self):
        return self.station.store._database.all("SELECT * FROM requests ORDER BY id")


OWN = ("alice", "bob")
OWNERS = ("alice@example.com", "bob@example.com")


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)


def entered(shown):
    """What stands in the fields of a modal that nobody touched."""
    found = {}
    for block in shown["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            one = element.get("initial_option", {}).get("value")
            several = [each["value"] for each in element.get("initial_options", ())] or element.get("initial_users")
            found[block["block_id"]] = one or element.get("initial_value") or several
    return found


def answer(shown):
    return "\n".join(block["text"]["text"] for block in shown["blocks"] if block["type"] == "section")


def test_the_acknowledgement_waits_for_nobody(room):
    assert room.type() is None
    assert room.glass.history == []
    assert len(room.errands) == 1


def test_before_gitlab_was_heard_it_opens_with_nothing_to_enter_and_is_filled(room):
    shown = room.open()
    assert "submit" not in room.glass.history[0]
    assert entered(shown)["branch"] == "main"
    assert entered(shown)["tag"] == "v1.0.0"


def test_with_a_warm_memory_it_opens_whole_and_the_answer_follows(room):
    room.station.code.tags_made["v1.2.0"] = HEAD
    room.scout.refresh_all()
    shown = room.open()
    assert entered(room.glass.history[0]) | {"branch": "main", "tag": "v1.2.1", "on": USUAL, "how": "full"} == entered(
        room.glass.history[0]
    )
    assert "Looking" in answer(room.glass.history[0])
    assert "*Tag:* `v1.2.1` is free" in answer(shown)
    assert [block for block in shown["blocks"] if block["block_id"] == "set:int:train.epochs"]


def test_a_branch_that_was_typed_is_chosen(room):
    assert entered(room.open("feature/mobilenet"))["branch"] == "feature/mobilenet"


def test_a_branch_that_does_not_exist_is_said_in_the_modal(room):
    assert "There is no branch `mian`. Did you mean `main`?" in answer(room.open("mian"))


def test_the_branch_that_a_person_trained_last_is_chosen(room):
    room.station.train(branch="feature/mobilenet", tag="v0.1.0")
    room.station.tick()
    assert entered(room.open())["branch"] == "feature/mobilenet"


def test_somebody_without_a_machine_hears_it_at_once(room):
    room.desk.store.people.remember(Person("UEVE", "eve", "eve@example.com"))
    room.desk = replace(room.desk, locations={name: room.desk.locations[name] for name in OWN})
    assert "there is no training machine for `eve@example.com`" in room.type(user="UEVE")
    assert room.errands == []


def test_a_stranger_is_asked_after_and_then_told_that_no_machine_is_theirs(room):
    shown = room.open(user="UEVE")
    assert room.desk.person("UEVE").email == "eve@example.com"
    assert "No machine here is yours. Choose another one" in answer(shown)
    assert list(room.submit(user="UEVE")) == ["on"]


def test_the_machines_are_those_that_a_person_may_use(room):
    def values(user, trigger):
        room.type(user=user, trigger=trigger)
        room.work()
        (block,) = (each for each in room.glass.shown[f"V{trigger}"]["blocks"] if each["block_id"] == "on")
        return {option["value"]: option["text"]["text"] for option in block["element"]["options"]}

    assert values("UALICE", "5") == {
        USUAL: "The usual one (alice)",
        "racks": "racks: the first free machine of the pool",
        "rack-1": "rack-1: of the pool racks, $1.00 an hour",
        "rack-2": "rack-2: of the pool racks",
    }
    assert set(values("UBOSS", "6")) == {USUAL, "alice", "bob", "racks", "rack-1", "rack-2"}


def test_a_modal_that_opens_too_late_is_said_to_its_caller(room):
    room.glass.errors = [Conflict("expired_trigger_id")]
    room.type()
    room.work()
    (row,) = room.station.said(None)
    assert "Please type `/train` again" in row["text"]
    assert row["user"] == "UALICE"


def test_a_gitlab_that_does_not_answer_is_said_in_the_modal(room):
    room.scout.refresh_all()
    room.station.code.errors = [Unavailable("GitLab is in trouble.")]
    shown = room.open()
    assert "could not be looked up: GitLab is in trouble." in answer(shown)
    assert "submit" in shown


def test_a_look_that_fails_leaves_every_field_where_it_is(room):
    fields = [block["block_id"] for block in room.open()["blocks"] if block["type"] == "input"]
    room.station.code.errors = [Unavailable("GitLab is in trouble.")]
    room.press(view.AGAIN)
    room.work()
    shown = room.glass.shown["V1"]
    assert "could not be looked up" in answer(shown)
    assert [block["block_id"] for block in shown["blocks"] if block["type"] == "input"] == fields


def test_another_branch_is_looked_at_and_what_was_entered_stays(room):
    room.open()
    room.station.code.heads["other"] = "b" * 40
    room.station.code.contents["b" * 40] = a_project(params__yaml=b"train:\n  epochs: 7\nnew: yes please\n")
    room.press(
        view.CHOOSE_BRANCH, branch="other", tag="v7.0.0", more="a=1", notify=["UBOB"], **{"set:int:train.epochs": "9"}
    )
    looking = len(room.glass.history)
    room.work()
    assert "Looking" in answer(room.glass.history[looking])
    shown = room.glass.shown["V1"]
    assert entered(shown) | {
        "branch": "other",
        "tag": "v7.0.0",
        "more": "a=1",
        "notify": ["UBOB"],
        "set:int:train.epochs": "9",
    } == entered(shown)
    assert "*Branch:* `other` at `bbbbbbbbbb`" in answer(shown)
    fields = [block["block_id"] for block in shown["blocks"]]
    assert "set:text:new" in fields
    assert "set:float:train.rate" not in fields


def test_an_older_look_never_replaces_a_newer_one(room):
    room.open()
    room.station.code.heads["other"] = "b" * 40
    look, asked = room.station.code.head, []

    def slow(branch):
        asked.append(branch)
        if branch == "main" and asked.count("main") == 1:
            room.press(view.CHOOSE_BRANCH, branch="other")
            room.work()
        return look(branch)

    room.station.code.head = slow
    room.press(view.AGAIN)
    room.work()
    assert "`other` at" in answer(room.glass.shown["V1"])


def test_a_modal_that_was_closed_meanwhile_is_left_closed(room):
    room.open()
    room.press(view.AGAIN)
    room.glass.shown.clear()
    room.work()
    assert room.glass.shown == {}


# ------------------------------------------------------------------------------------------------ the list


def test_branches_are_offered_from_memory_and_gitlab_is_asked_only_for_others(room):
    room.scout.refresh_all()
    press = Press("UALICE", view.CHOOSE_BRANCH, "mob", "2")
    assert [option["value"] for option in modal.CHOICES.suggest(press, room.desk)] == ["feature/mobilenet"]
    assert room.errands == []
    room.station.code.heads["brand-new"] = HEAD
    press = Press("UALICE", view.CHOOSE_BRANCH, "brand", "2")
    assert modal.CHOICES.suggest(press, room.desk) == []
    room.work()
    assert [option["value"] for option in modal.CHOICES.suggest(press, room.desk)] == ["brand-new"]


# ------------------------------------------------------------------------------------------------ sending it off


def test_sent_off_it_is_a_request_from_the_channel_that_it_was_opened_in(room):
    room.open()
    assert room.submit(on="racks", notify=["UBOB"], **{"set:int:train.epochs": "9"}) is None
    (row,) = room.requests()
    assert (row["channel"], row["user"], row["branch"], row["tag"]) == ("C1", "UALICE", "main", "v1.0.0")
    request = room.desk.store.requests.claim()
    assert request.options == TrainOptions(on="racks", set={"train.epochs": "9"}, notify=("UBOB",))


def test_sent_twice_it_is_one_request(room):
    room.open()
    assert room.submit() is None
    assert room.submit() is None
    assert len(room.requests()) == 1


@pytest.mark.parametrize(
    ("values", "block_id", "said"),
    [
        ({"tag": ""}, "tag", "is missing"),
        ({"tag": "v0.9.0"}, "tag", "The next free one is v0.9.1"),
        ({"tag": "v0.5.0"}, "tag", "Run 1 is making v0.5.0 already"),
        ({"on": "bob"}, "on", "not for you"),
        ({"set:int:train.epochs": "x"}, "set:int:train.epochs", "whole number"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_noted(room, values, block_id, said):
    room.station.code.tags_made["v0.9.0"] = HEAD
    room.station.train(tag="v0.5.0")
    room.station.tick()
    room.open()
    problems = room.submit(**values)
    assert list(problems) == [block_id]
    assert said in problems[block_id]
    assert len(room.requests()) == 1


def test_what_is_released_already_is_not_sent_off_unless_it_is_meant(room):
    station = room.station
    station.train()
    station.train_to_release()
    with station.store._database.write() as connection:
        connection.execute("UPDATE runs SET result = json_set(result, '$.commit', ?)", (HEAD,))
    station.code.tags_made["v1.0.0"] = HEAD
    shown = room.open()
    assert "Nothing changed since <http://gitlab.test/v1.0.0|v1.0.0>" in answer(shown)
    assert room.submit() == {"force": "Nothing changed since v1.0.0. Choose this to train all the same."}
    assert room.submit(force=["force"]) is None
    station.tick()
    assert station.run(2).options.force


def test_a_training_can_be_offered_again_from_elsewhere(room):
    options = TrainOptions(on="racks", set={"train.epochs": "9"})
    assert modal.open_modal(room.desk, "1", "C7", "UALICE", branch="main", tag="v3", options=options)
    room.work()
    shown = room.glass.shown["V1"]
    assert entered(shown) | {"tag": "v3", "on": "racks", "more": "train.epochs=9"} == entered(shown)
    assert shown["private_metadata"] == Private("C7", "main").text()
    assert room.submit() is None
    assert room.requests()[0]["channel"] == "C7"


def test_in_another_project_s_channel_everything_is_that_project_s(room):
    world, other = room.station.world, FakeCodeHost()
    other.heads, other.tags_made, other.default = {"trunk": HEAD}, {"v7.0.0": HEAD}, "trunk"
    doors = Doors(replace(world.project, path="team/nuts"), other, world.public, world.secrets)
    room.scout = Scout(replace(world, others={"team/nuts": doors}))
    names = {"C1": "team/fruits", "C2": "team/nuts"}
    room.desk = replace(room.desk, project_of=names.get, scout=room.scout)
    shown = room.open(channel="C2")
    assert (entered(shown)["branch"], entered(shown)["tag"]) == ("trunk", "v7.0.1")
    press = Press("UALICE", view.CHOOSE_BRANCH, "", "2", view=shown)
    assert [option["value"] for option in modal.CHOICES.suggest(press, room.desk)] == ["trunk"]
    room.press(view.AGAIN)
    room.work()
    assert "*Branch:* `trunk`" in answer(room.glass.shown["V1"])
    assert room.submit() is None
    assert room.requests()[0]["project"] == "team/nuts"


def test_who_has_as_many_runs_as_they_may_reads_it_before_they_send(room):
    room.desk = replace(room.desk, allowance=Allowance(runs_at_once=1))
    assert "It would not be started now" not in answer(room.open())
    room.station.train()
    room.station.tick()
    room.open(trigger="2")
    said = answer(room.glass.shown["V2"])
    assert "It would not be started now: run 1 is open, of 1 that one person may have at once" in said
