"""Every place where a fault can strike x every fault x with and without retries; and a selection that covers them.

All places of a job are one column: a worker has several threads, and one of them is at each place when the fault comes.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

#: Where a job is. After a failure its retry is in the broker already; that place is left out where nothing is retried.
JOB_PLACES = (
    "job.before_begin",
    "job.after_begin",
    "app.mid_body",
    "job.before_ack",
    "job.failed",
    "job.after_ack",
)

PASS_PLACES = (
    "pass.after_declare",
    "pass.before_judge",
    "pass.before_hand_back",
    "pass.after_hand_back",
    "pass.before_bury",
    "pass.after_bury",
    "pass.after_claim",
    "pass.before_release",
    "pass.after_release",
)

#: `watching`: holds the lease and does nothing else, while another worker is killed.
PLACES = ("jobs", "watching", *PASS_PLACES)

FAULTS = (
    "killed",
    "paused past its limit",
    "interpreter held past the TTL",
    "Redis restarted",
    "Redis frozen",
    "connections cut",
    "cut off until declared dead",
    "clock 120 s ahead",
    "clock 120 s behind",
)

RETRIES = ("with retries", "max_retries=0")


class Case(NamedTuple):
    place: str
    fault: str
    retries: str

    def pairs(self) -> set[tuple[str, str]]:
        """What it shows. The places of a recoverer count as one kind beside a fault: each pair of them in full would be
        a hundred cases alone, and that is what the full matrix is for."""
        side = "worker" if self.place == "jobs" else "recoverer"
        return {(self.place, "once"), (side, self.fault), (self.fault, self.retries), (side, self.retries)}


EVERY_CASE = tuple(Case(*one) for one in product(PLACES, FAULTS, RETRIES))


def cover() -> list[Case]:
    """A few cases in which every pair occurs: each time the one that shows most, the first of equals."""
    missing = set().union(*(case.pairs() for case in EVERY_CASE))
    chosen: list[Case] = []
    used = dict.fromkeys((*PLACES, *FAULTS), 0)
    while missing:
        best = max(
            EVERY_CASE,
            key=lambda case: (
                len(case.pairs() & missing),
                # With retries, jobs stand at one place more: these are the cases to have with retries.
                (case.place == "jobs") == (case.retries == "with retries"),
                -used[case.place] - used[case.fault],
            ),
        )
        missing -= best.pairs()
        chosen.append(best)
        used[best.place] += 1
        used[best.fault] += 1
    return chosen
