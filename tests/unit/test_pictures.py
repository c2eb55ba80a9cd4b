"""Pictures in a run's thread: after the last message and before the log, once, and never in anybody's way."""

import pytest

from bot.errors import Conflict, NotFound, Unauthorised, Unavailable
from bot.runs.model import Note, Phase, Reason
from bot.runs.plots import Confusion, Lines, Series
from bot.slack.plots import CannotDrawError
from tests.doubles.delivery_desk import Desk

CURVE = Lines("Accuracy", "epoch", "accuracy", (Series("train", ((1.0, 0.5), (2.0, 0.75))),))
MATRIX = Confusion("Fruits", "actual", "predicted", ("apple", "pear"), ((8, 1), (0, 9)))
ALL = ("learning-curves", "confusion-matrix")


class FakePainter:
    """Draws at the third look; what it draws says what is on it."""

    def __init__(self):
        self.looks = {}
        self.needs = 3
        self.refuses = False

    def draw(self, key, plots):
        if self.refuses:
            raise CannotDrawError("no paint")
        self.looks[key] = self.looks.get(key, 0) + 1
        return b"PNG " + plots[0].title.encode() if self.looks[key] >= self.needs else None


@pytest.fixture
def painter():
    return FakePainter()


@pytest.fixture
def desk(tmp_path, painter):
    desk = Desk(tmp_path)
    desk.boot(painter=painter)
    return desk


def end(desk, names=ALL, *, plots=(CURVE, MATRIX)):
    """A run that ends with a log and pictures."""
    run = desk.accept()
    desk.store.gallery.keep(run.id, plots)
    (desk.folder / f"run-{run.uid}.log").write_bytes(b"a line\n")
    pictures = [Note("picture", data={"picture": name}) for name in names]
    desk.move(1, Note("terminal"), *pictures, Note("log-file"), phase=Phase.FAILED, reason=Reason.CODE, log_read=7)


def files(desk):
    return [said.file[0] for said in desk.chat.thread(desk.store.run(1).thread) if said.file]


def test_the_last_message_comes_first_then_the_pictures_then_the_log(desk):
    end(desk)
    desk.settle()
    last, curves, matrix, log = desk.chat.thread(desk.store.run(1).thread)
    assert "failed" in last.text
    assert curves.file == ("run-1-learning-curves.png", b"PNG Accuracy")
    assert (curves.text, curves.caption) == (
        "Learning curves of v1.0.0",
        "Accuracy: accuracy over epoch, train from 0.5 to 0.75.",
    )
    assert matrix.file == ("run-1-confusion-matrix.png", b"PNG Fruits")
    assert log.file == ("run-1.log", b"a line\n")
    assert desk.store.outbox.next_due() is None


def test_the_curves_of_a_training_that_did_not_end_come_from_its_progress(desk):
    desk.accept()
    curve = {"points": {"loss": [[1, 0.9], [2, 0.5]]}, "epochs": []}
    note = Note("picture", data={"picture": "learning-curves"})
    desk.move(1, Note("terminal"), note, phase=Phase.FAILED, reason=Reason.CODE, progress={"curve": curve})
    desk.settle()
    picture = desk.chat.thread(desk.store.run(1).thread)[-1]
    assert (picture.file, picture.caption) == (
        ("run-1-learning-curves.png", b"PNG loss"),
        "loss: loss over epoch, loss from 0.9 to 0.5.",
    )


def test_other_runs_are_told_of_while_a_picture_is_drawn(desk, painter):
    painter.needs = 10**6
    end(desk)
    desk.settle(5)
    desk.accept("v2.0.0")
    desk.settle(20)
    assert len(desk.chat.roots()) == 2
    assert files(desk) == []


@pytest.mark.parametrize("call", ["upload", "has_file"])
@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_shares_nothing_twice(desk, call, after):
    desk.chat.fail("upload", Unavailable("connection reset"), after=after)
    desk.chat.fail(call, Unavailable("connection reset"), after=after)
    end(desk)
    desk.settle()
    assert files(desk) == ["run-1-learning-curves.png", "run-1-confusion-matrix.png", "run-1.log"]


def test_a_bot_that_died_after_the_upload_does_not_share_it_again(desk, painter):
    desk.chat.fail("upload", KeyboardInterrupt(), after=True)
    end(desk)
    with pytest.raises(KeyboardInterrupt):
        desk.settle()
    desk.boot(painter=painter)
    desk.settle()
    assert files(desk) == ["run-1-learning-curves.png", "run-1-confusion-matrix.png", "run-1.log"]


def test_a_rate_limit_is_waited_out(desk):
    desk.chat.fail("upload", Unavailable("slow down", retry_after=30.0), times=2)
    end(desk)
    desk.settle()
    assert len(files(desk)) == 3


def test_a_picture_that_cannot_be_drawn_is_left_out(desk, painter, caplog):
    painter.refuses = True
    end(desk)
    desk.settle(20)
    assert files(desk) == ["run-1.log"]
    assert "no paint" in caplog.text


@pytest.mark.parametrize(
    "error", [Unauthorised("missing_scope"), NotFound("channel_not_found"), Conflict("file_type"), Unavailable("reset")]
)
def test_a_picture_that_slack_does_not_take_is_left_out_and_the_run_stays_where_it_is(desk, error):
    desk.chat.fail("upload", error, times=3 if isinstance(error, Unavailable) else 1)
    end(desk, names=ALL[:1])
    desk.settle(60)
    assert desk.store.run(1).channel == "C1"
    assert files(desk) == ["run-1.log"]


@pytest.mark.parametrize(("names", "plots"), [(["no-such"], (CURVE,)), (ALL, ())])
def test_a_picture_of_nothing_holds_nothing_up(desk, names, plots):
    end(desk, names, plots=plots)
    desk.settle(10)
    assert files(desk) == ["run-1.log"]


def test_without_a_painter_there_are_no_pictures(desk):
    desk.boot()
    end(desk)
    desk.settle(10)
    assert files(desk) == ["run-1.log"]
