"""Recoveries of the last hour as bars, drawn on the server, and a sentence that says the same."""

from __future__ import annotations

from dataclasses import dataclass

from assured_jobs.orphans.wording import count

WIDTH, HEIGHT, GAP = 720, 96, 2


@dataclass(frozen=True)
class Bar:
    """`kind` is `back` or `kept`."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True)
class Chart:
    bars: list[Bar]
    most: int
    sentence: str


def draw(minutes: list[tuple[int, int]]) -> Chart:
    """For each minute, the oldest first: how many came back, and how many held or discarded."""
    most = max((back + kept for back, kept in minutes), default=0)
    step = WIDTH / max(1, len(minutes))
    bars = []
    for number, (back, kept) in enumerate(minutes):
        top = float(HEIGHT)
        for height, kind in ((back, "back"), (kept, "kept")):
            if height:
                tall = max(2.0, height * HEIGHT / most)
                top = max(0.0, top - tall)
                bars.append(Bar(round(number * step, 1), round(top, 1), round(step - GAP, 1), round(tall, 1), kind))
    came, stayed = (sum(pair[at] for pair in minutes) for at in (0, 1))
    sentence = f"In the last hour {count(came, 'job')} came back, and {stayed:,} were held or discarded."
    return Chart(bars, most, sentence if came or stayed else "Nothing was recovered in the last hour.")
