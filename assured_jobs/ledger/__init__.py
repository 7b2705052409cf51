"""What Redis holds for us. One transition is one method, one script, one event; `keys` spells every key.

`Ledger` only gathers the rooms: who lives (`instances`), what they run (`deliveries`), what the dead left
(`estate`), what waits (`custody`), and who may run a pass (`lease`).
"""

from __future__ import annotations

from .custody import Custody
from .deliveries import Answer, Deliveries, Ending, Outcome
from .estate import Estate, Left, Order, Record
from .instances import Instances, Look
from .store import Store


class Ledger:
    """One namespace of the ledger. Opening it connects to nothing."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.keys = store.keys
        self.instances = Instances(store)
        self.deliveries = Deliveries(store)
        self.estate = Estate(store)
        self.custody = Custody(store)

    def close(self) -> None:
        self.store.close()


__all__ = [
    "Answer",
    "Custody",
    "Deliveries",
    "Ending",
    "Estate",
    "Instances",
    "Ledger",
    "Left",
    "Look",
    "Order",
    "Outcome",
    "Record",
    "Store",
]
