"""What the jobs of a run are allowed."""

from __future__ import annotations

#: How many workers may die with a job that did nothing wrong: random kills are no evidence against it.
INNOCENT = 50

#: And with one that kills its workers.
CAP = 3
