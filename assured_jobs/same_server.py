"""Whether the ledger lies on the broker's own server and database.

Every answer about a delivery comes from the broker's own keys: on another server all would be wrong.
"""

from __future__ import annotations

from contextlib import suppress

from .errors import LedgerElsewhere, LedgerError
from .host import Host
from .ledger import Ledger
from .telling import complain

_DOUBT = (
    "The broker's Redis answers, and the one that ASSURED_JOBS_REDIS_URL names does not. Expected the broker's own "
    "server and database. Until it answers no job is recorded here, and what this worker holds at its death stays."
)


class SameServer:
    def __init__(self, ledger: Ledger, host: Host) -> None:
        self.ledger = ledger
        self.host = host
        self._verified = False

    def verify(self) -> None:
        """Raises LedgerElsewhere; LedgerError where it cannot be known."""
        if not self._verified:
            with self.ledger.store.mark() as key:
                if not self.host.sees(key):
                    raise LedgerElsewhere
            self._verified = True

    def doubt(self) -> None:
        """The ledger does not answer: says so where the broker's own client is answered."""
        with suppress(LedgerError):
            self.host.sees(self.ledger.keys.alive)
            complain(_DOUBT)
