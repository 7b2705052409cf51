"""What Redis holds for us. One transition is one method, one script, one event; `keys` spells every key.

`Ledger` only gathers the rooms: who lives (`instances`), what they run (`deliveries`), what the dead left
(`estate`), what waits (`custody`), what happened (`chronicle`), and what would have happened (`observed`).
"""

from __future__ import annotations

from ..events import Event
from ..telling import Hearer, emit
from .chronicle import Chronicle, Told
from .custody import Custody
from .deliveries import Answer, Deliveries, Ending, Outcome
from .estate import Estate, Left, Order, Record
from .instances import Instances, Look
from .observed import Observed
from .runs import Runs
from .store import Store


class Ledger:
    """One namespace of the ledger. Opening it connects to nothing. `hearers` hear every event told here."""

    def __init__(self, store: Store, *hearers: Hearer) -> None:
        self.store = store
        self._hearers = hearers
        self.keys = store.keys
        self.instances = Instances(store)
        self.deliveries = Deliveries(store)
        self.estate = Estate(store)
        self.custody = Custody(store)
        self.chronicle = Chronicle(store)
        self.observed = Observed(store)
        self.runs = Runs(store)

    def tell(self, *events: Event) -> None:
        """What happened: to the log, to the stream, to who hears. Never fails, and waits for nobody.

        If interrupted: logged, and perhaps not written down.
        """
        for event in events:
            emit(event)
            for hearer in self._hearers:
                hearer.hear(event)
        if kept := [event for event in events if event.streamed]:
            self.chronicle.add(kept)

    def write_down(self, event: Event) -> None:
        """For what must be on record before it is done. Raises LedgerError where it cannot be."""
        self.chronicle.write([event])
        emit(event)

    def close(self) -> None:
        self.store.close()


__all__ = [
    "Answer",
    "Chronicle",
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
    "Told",
]
