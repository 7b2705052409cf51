"""The faults: each begins, lets whoever stands at a place go on into it, and ends when it has been noticed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial

from plays import Play

#: Faults after which the worker they strike has been declared dead, and those after which it may have been.
DEADLY = ("killed", "paused past its limit", "cut off until declared dead")
PERHAPS_DEADLY = ("connections cut",)


def strike(play: Play, *, frozen_for: float) -> None:
    faults: dict[str, Callable[[Play], None]] = {
        "killed": _kill,
        "paused past its limit": _pause,
        "interpreter held past the TTL": _hold_the_interpreter,
        "Redis restarted": _restart_redis,
        "Redis frozen": partial(_freeze_redis, seconds=frozen_for),
        "connections cut": _cut,
        "cut off until declared dead": _cut_off,
        "clock 120 s ahead": partial(_skew, seconds=120),
        "clock 120 s behind": partial(_skew, seconds=-120),
    }
    faults[play.case.fault](play)


def settings_for(fault: str) -> dict[str, str]:
    """Nobody else is to be found dead, however slow this machine is; and who holds its interpreter is not stalled."""
    return {} if fault in ("paused past its limit", "Redis frozen") else {"STALL_TTL": "60"}


def _kill(play: Play) -> None:
    play.struck.kill()
    play.go()


def _pause(play: Play) -> None:
    play.struck.pause()
    if play.case.place == "watching":
        play.go()
    _wait_until_declared_dead(play)
    play.go()
    play.struck.resume()


def _hold_the_interpreter(play: Play) -> None:
    pipe = play.lab.folder / "gil"
    os.mkfifo(pipe)
    if play.case.place == "watching":
        play.go()
    play.lab.wait(lambda: play.name in _told(play, "InstanceStalled"), "it is seen to be stalled")
    play.go()
    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))  # fails where nobody holds it


def _restart_redis(play: Play) -> None:
    play.lab.server.stop(kill=True)
    play.go()
    play.lab.server.start()


def _freeze_redis(play: Play, seconds: float) -> None:
    server = play.lab.server.process
    os.kill(server.pid, signal.SIGSTOP)
    try:
        play.go()
        time.sleep(seconds)  # the fault itself lasts that long
    finally:
        os.kill(server.pid, signal.SIGCONT)


def _cut(play: Play) -> None:
    play.proxy.cut()
    play.go()


def _cut_off(play: Play) -> None:
    play.proxy.cut(refuse=True)
    play.go()
    _wait_until_declared_dead(play)
    play.proxy.heal()


def _skew(play: Play, seconds: float) -> None:
    """The clock jumps, and back as soon as only retries may be left that wait for it."""
    _set_clock(play, seconds)
    play.go()

    def done() -> bool:
        waiting = {line["n"] for line in play.lab.effects("failed")} if seconds < 0 else set()
        return play.sent - waiting <= set(play.lab.count("done"))

    play.lab.wait(done, "what does not wait for the clock is done", timeout=60)
    _set_clock(play, 0)


def _set_clock(play: Play, seconds: float) -> None:
    name = f"skew {seconds}"
    play.lab.open(name)
    play.lab.wait(lambda: name in {line["n"] for line in play.lab.effects("plays")}, "its clock is set")


def _wait_until_declared_dead(play: Play) -> None:
    play.lab.wait(lambda: play.name not in play.lab.alive(), "it is declared dead")


def _told(play: Play, action: str) -> set[str]:
    return {one.fact["instance"] for one in play.lab.ledger.chronicle.since() if one.action == action}
