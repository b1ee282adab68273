"""Workers: whatever is raised in one, it is said, nobody waits for ever, and it goes on."""

import logging
import threading

import pytest
from small_run import RAISED, Once, until

from glassnet import WrongFile
from glassnet.files import NotSaved
from glassnet.studio.workers import Refused, Worker, failure


@pytest.fixture
def made():
    """Makes workers, and closes them."""
    all_of_them = []

    def make(work=lambda: None, failed=None, *, patience=lambda: None, **options):
        told = []
        worker = Worker("test", work, patience, failed or told.append, **options)
        worker.told = told
        all_of_them.append(worker)
        worker.start()
        return worker

    yield make
    for each in all_of_them:
        each.close()


def names():
    return [each.name for each in threading.enumerate() if each.name == "glassnet studio: test"]


# ── Turns and commands ───────────────────────────────────────────────────────────────────────────────────────────────


def test_work_is_done_when_it_is_due_and_commands_between_two_turns(made):
    turns = []
    worker = made(lambda: turns.append(worker.busy), patience=lambda: 0.001)
    until(lambda: len(turns) > 2)
    assert worker.ask(lambda: threading.current_thread().name) == "glassnet studio: test"
    worker.close()
    assert True in turns  # the turn after the command
    assert False in turns
    count = len(turns)
    assert names() == []
    assert len(turns) == count


def test_without_patience_there_is_a_turn_for_each_call_and_none_is_lost(made):
    turns = []
    worker = made(lambda: turns.append(1))
    for count in range(1, 4):
        worker.wake()
        until(lambda count=count: len(turns) == count)
    held, free = threading.Event(), threading.Event()
    slow = made(lambda: (held.set(), free.wait(60), turns.append(2)))
    slow.wake()
    held.wait(60)
    slow.wake()  # while it works
    free.set()
    until(lambda: turns.count(2) == 2)


def test_a_command_interrupts_and_an_error_of_our_own_is_its_answer(made, caplog):
    interrupt = threading.Event()
    seen = []
    worker = made(lambda: seen.append(interrupt.wait(60)), patience=lambda: 0.0, interrupt=interrupt)

    def wrong():
        raise WrongFile("there is no such file")

    with pytest.raises(WrongFile, match="no such file"):
        worker.ask(wrong)  # it would wait a minute for the turn
    worker.close()
    assert all(seen)
    assert (worker.told, caplog.records) == ([], [])


def test_in_the_end_what_was_asked_is_done_and_then_the_rest(made):
    done = []
    worker = made(leave=lambda: done.append("left"), over=("this is over", "over"))
    worker.ask(lambda: done.append("asked"))
    worker.close()
    worker.close()
    assert done == ["asked", "left"]
    assert names() == []
    with pytest.raises(Refused, match="this is over") as caught:
        worker.ask(lambda: None)
    assert caught.value.code == "over"
    own = made(lambda: own.close())  # by its own thread
    own.wake()
    until(lambda: names() == [])


# ── What goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", RAISED)
def test_work_that_fails_is_told_with_its_trace_and_done_again_with_the_next_command(made, caplog, error):
    work = Once(error)
    worker = made(work)
    worker.wake()
    until(lambda: worker.told)
    assert [type(each) for each in worker.told] == [error]
    (record,) = caplog.records
    assert (record.name, record.getMessage()) == ("glassnet", "a thread of the studio failed: test")
    assert record.exc_info[1] is worker.told[0]
    worker.wake()  # is no command
    assert worker.ask(lambda: work.calls) == 1
    until(lambda: work.calls == 2)
    assert (len(worker.told), len(caplog.records)) == (1, 1)
    assert len(names()) == 1


@pytest.mark.parametrize("error", RAISED)
def test_a_command_that_fails_is_answered_in_words_and_those_behind_it_are_followed(made, caplog, error):
    held, free = threading.Event(), threading.Event()
    worker = made()
    answers = []

    def ask(job):
        try:
            answers.append(worker.ask(job))
        except (Refused, MemoryError) as refused:
            answers.append(refused)

    threads = [threading.Thread(target=ask, args=(lambda: (held.set(), free.wait(60)) and "first",))]
    threads[0].start()
    held.wait(60)
    for waiting, job in enumerate((Once(error), lambda: "third"), start=2):
        threads.append(threading.Thread(target=ask, args=(job,)))
        threads[-1].start()
        until(lambda waiting=waiting: len(worker._jobs) == waiting)
    free.set()
    for thread in threads:
        thread.join(60)
    assert sorted(each for each in answers if isinstance(each, str)) == ["first", "third"]
    (refused,) = [each for each in answers if not isinstance(each, str)]
    if error is MemoryError:
        assert refused is worker.told[0]  # for which whoever asked has words
    else:
        assert refused.code == "thread"
        assert "try it again" in str(refused)
    assert [type(each) for each in worker.told] == [error]
    assert len(caplog.records) == 1


def test_what_goes_on_by_itself_rests_longer_each_time_until_it_succeeds(made, caplog):
    class Clock(threading.Condition):
        """Notes how long somebody would have waited."""

        def __init__(self):
            super().__init__()
            self.rests = []

        def wait_for(self, predicate, timeout=None):
            self.rests.append(timeout)
            return predicate()

    def work():
        work.calls += 1
        if work.calls <= 8 or work.calls == 10:
            raise RuntimeError("a bug")
        if work.calls == 12:
            done.set()

    work.calls, done, clock = 0, threading.Event(), Clock()
    worker = Worker("test", work, lambda: 0.0, lambda _: None, retries=True)
    worker._ready = clock
    worker.start()
    assert done.wait(60)
    worker.close()
    assert clock.rests == [1, 2, 4, 8, 16, 32, 60, 60, 1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it is what is tested
def test_a_thread_that_ends_in_spite_of_all_answers_who_waits_and_begins_anew(made, caplog):
    held, free = threading.Event(), threading.Event()
    left = []

    def told(error):
        raise SystemExit  # which should not be

    worker = made(failed=told, leave=lambda: left.append(1))
    answers = []

    def ask(job):
        try:
            worker.ask(job)
        except Refused as error:
            answers.append(error.code)

    def fails():
        held.set()
        free.wait(60)
        raise KeyboardInterrupt

    threads = [threading.Thread(target=ask, args=(job,)) for job in (fails, lambda: None)]
    threads[0].start()
    held.wait(60)
    threads[1].start()
    until(lambda: len(worker._jobs) == 2)
    free.set()
    for thread in threads:
        thread.join(60)
    assert answers == ["thread", "thread"]
    until(lambda: names() == [])
    assert worker.ask(lambda: "again") == "again"
    assert len(names()) == 1
    with pytest.raises(Refused):
        worker.ask(Once(SystemExit))
    until(lambda: names() == [])
    worker.close()  # and it does what is to be done in the end
    assert left == [1]


def test_a_log_that_cannot_be_written_does_not_keep_it_from_being_told(made):
    class Full(logging.Handler):
        def emit(self, record):
            raise OSError("no space left")

    full = Full()
    logging.getLogger("glassnet").addHandler(full)
    try:
        worker = made(Once(ValueError))
        worker.wake()
        until(lambda: worker.told)
    finally:
        logging.getLogger("glassnet").removeHandler(full)
    assert worker.ask(lambda: 5) == 5


def test_what_is_told_of_a_failure():
    own = failure("training stopped", NotSaved("the disk is full."), "Press play.")
    assert own == "training stopped: the disk is full. Press play."
    bug = failure("training stopped", KeyError("x"), "Press play.")
    assert bug == "training stopped: KeyError 'x'. Press play. The details are where the studio was started."
    assert failure("it failed", MemoryError(), "It goes on.").startswith("it failed: MemoryError. It goes on. ")
