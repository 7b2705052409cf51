"""What is wrong with the set-up, what follows from it, what to do. Looks alone, and mends nothing.

`rounds` asks everything there is to ask; `server`, `fleet` and `leftovers` judge the answers, without a store or a
clock of their own.
"""

from __future__ import annotations

from .finding import LEVELS, Finding
from .rounds import examine

__all__ = ["LEVELS", "Finding", "examine"]
