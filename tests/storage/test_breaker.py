"""The circuit breaker: who is let through, when."""

import threading

import pytest

from storage.breaker import Breaker
from storage.errors import NotFound, Unavailable


class Service:
    def __init__(self, **more):
        self.now, self.calls = 0.0, 0
        self.breaker = Breaker(limit=3, rest_seconds=10, clock=lambda: self.now, **more)

    def call(self, error=None):
        with self.breaker.guard():
            self.calls += 1
            if error:
                raise error

    def fail(self, times=1):
        for _ in range(times):
            with pytest.raises(Unavailable):
                self.call(Unavailable("no answer"))


@pytest.fixture
def service():
    return Service()


def test_failures_in_a_row_open_it_and_then_nobody_is_asked(service):
    service.fail(3)
    assert service.breaker.is_open
    service.now = 9.99
    for _ in range(5):
        with pytest.raises(Unavailable, match="for a moment"):
            service.call()
    assert service.calls == 3


def test_an_answer_between_them_begins_the_count_again(service):
    service.fail(2)
    service.call()
    service.fail(2)
    assert not service.breaker.is_open
    with pytest.raises(NotFound):
        service.call(NotFound("absent"))
    service.fail(2)
    assert not service.breaker.is_open


def test_after_the_rest_one_answer_closes_it(service):
    service.fail(3)
    service.now = 10
    assert not service.breaker.is_open
    service.call()
    service.fail(2)
    assert not service.breaker.is_open


def test_a_failed_trial_opens_it_for_another_rest(service):
    service.fail(3)
    service.now = 10
    service.fail()
    service.now = 19.9
    with pytest.raises(Unavailable, match="for a moment"):
        service.call()
    assert service.calls == 4
    service.now = 20
    service.call()


def test_only_one_trial_at_a_time(service):
    service.fail(3)
    service.now = 10
    with service.breaker.guard():
        assert service.breaker.is_open
        with pytest.raises(Unavailable, match="for a moment"):
            service.call()
    service.call()


def test_a_trial_that_was_broken_off_lets_another_try(service):
    service.fail(3)
    service.now = 10
    with pytest.raises(KeyboardInterrupt):
        service.call(KeyboardInterrupt())
    service.call()


def test_of_many_threads_one_makes_the_trial(service):
    service.fail(3)
    service.now = 10
    begin, inside, refused = threading.Barrier(8), threading.Event(), []

    def ask():
        begin.wait()
        try:
            with service.breaker.guard():
                service.calls += 1
                inside.wait(30)
        except Unavailable:
            refused.append(1)
            if len(refused) == 7:
                inside.set()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (service.calls, len(refused)) == (4, 7)
