"""What every event is: a frozen fact with stable keys, a level, and a sentence for a person."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event(ABC):
    """`level` is the log's, `streamed` says whether the ledger keeps it."""

    level: ClassVar[int] = logging.INFO
    streamed: ClassVar[bool] = True

    @property
    def action(self) -> str:
        return type(self).__name__

    def fact(self) -> dict[str, Any]:
        return asdict(self)

    def severity(self) -> int:
        return self.level

    @abstractmethod
    def sentence(self) -> str:
        """What happened, and what follows, for a person."""
