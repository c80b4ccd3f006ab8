"""A session with its processes, without a browser: one that ends is replaced, and closing ends all of them."""

from __future__ import annotations

import os
import queue
import signal

import pytest

from sdpbound.explore.messages import MapDone, Screen
from sdpbound.explore.process import Processes
from sdpbound.explore.session import Session
from sdpbound.explore.state import State
from sdpbound.explore.values import Axis, MapPlan

pytestmark = pytest.mark.slow


@pytest.fixture
def processes():
    found = Processes()
    yield found
    found.close()


def until(replies, wanted):
    while not wanted(reply := replies.get(timeout=120)):
        pass
    return reply


def test_two_sessions_their_maps_and_a_process_that_is_killed(processes):
    first, second = queue.Queue(), queue.Queue()
    one, two = Session(processes, State(), first.put), Session(processes, State.of_family("chsh"), second.put)
    try:
        serial = one.move(State().changed("visibility", "0.95"))
        found = until(first, lambda r: isinstance(r, Screen) and r.serial == serial and r.stage == "quick")
        assert found.numbers["chsh"].value < 2.5
        found = until(second, lambda r: isinstance(r, Screen) and r.stage == "quick")
        assert found.numbers["chsh"].value == pytest.approx(0.99 * 8**0.5)
        two.map(MapPlan(State(), "chsh", Axis("theta", 0.5, 1.0, 3), Axis("visibility", 0.9, 1.0, 3)))
        assert until(second, lambda r: isinstance(r, MapDone) and r.ended).found.rows == 3
        os.kill(one.own[0].pid, signal.SIGKILL)
        assert "has ended" in until(first, lambda r: isinstance(r, Screen) and r.stage == "wrong").sentence
        serial = one.move(State().changed("visibility", "0.9"))
        until(first, lambda r: isinstance(r, Screen) and r.serial == serial and r.stage == "estimates")
    finally:
        ends = (*one.own, *two.own)
        one.close()
        two.close()
    assert len(ends) == 3 and not any(process.is_alive for process in ends)
