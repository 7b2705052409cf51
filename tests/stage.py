"""Inside a worker under test: it stops at its places until the test has played a fault, and then goes on into it.

`LAB_STOPS`: the places, in words. At a place of the pass it stops once; at a place of a job, once for each job whose
message says so (`stop_at`, an option), so that one worker can be at all of them at once. `<folder>/go` lets it go on.
"""

from __future__ import annotations

import ctypes
import json
import os
import threading
import time

import dramatiq.common

from assured_jobs.failpoint import play
from assured_jobs.job import running

folder = os.path.dirname(os.environ.get("LAB_EFFECTS", ""))
_stopped: set[tuple[str, str]] = set()
_clock = {"skew": 0.0}


def begin() -> None:
    """Before the broker is made."""
    real_time = time.time
    time.time = dramatiq.common.time = lambda: real_time() + _clock["skew"]  # the second is Dramatiq's own
    threading.Thread(target=_play_faults_in_here, daemon=True).start()
    play({place: (lambda place=place: _reached(place)) for place in os.environ["LAB_STOPS"].split()})


def _reached(place: str) -> None:
    job = running.get()
    if place.startswith("pass."):
        stop = (place, "")
    elif job and job.options.get("stop_at") == _name_for(place, job):
        stop = (job.options["stop_at"], job.message_id)
    else:
        return
    if stop in _stopped:
        return
    _stopped.add(stop)
    _note("stop", stop[0])
    while not _there("go"):
        time.sleep(0.02)


def _name_for(place: str, job) -> str:
    """Before its ack a job has succeeded; or it has failed, and its retry is in the broker."""
    return place if place != "job.before_ack" or job.outcome == "ack" else "job.failed"


def _play_faults_in_here() -> None:
    """Those that only this process itself can play: each for a file that asks for it, once for each name."""
    played: set[str] = set()
    while True:
        for name in {name for name in os.listdir(folder) if name.startswith(("gil", "skew"))} - played:
            played.add(name)
            if name == "gil":
                _note("plays", name)
                # In C, without letting go of the interpreter, until the test opens the other end of the pipe.
                ctypes.PyDLL(None).open(os.path.join(folder, name).encode(), os.O_RDONLY)
            else:
                _clock["skew"] = float(name.split()[1])
                _note("plays", name)
        time.sleep(0.02)


def _note(kind: str, n: str) -> None:
    line = json.dumps({"kind": kind, "n": n, "worker": os.environ["LAB_WORKER"]}) + "\n"
    with open(os.environ["LAB_EFFECTS"], "a", encoding="utf-8") as file:
        file.write(line)


def _there(name: str) -> bool:
    return os.path.exists(os.path.join(folder, name))
