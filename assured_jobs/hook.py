"""`before_hand_back`: what other people's locks need, before an orphan that was running can be fetched again.

A lock that the dead still hold would turn its recovered job away until the lock's own time runs out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import groupby

from .brokers.redis import encoder_name, read_payload
from .entry import ConfirmedOrphan, Orphan
from .ledger import Ledger

logger = logging.getLogger("assured_jobs")


class Hook:
    """Calls the user's function with each orphan that is in our hands, one after the other, in the caller's thread."""

    def __init__(self, ledger: Ledger, function: Callable[[ConfirmedOrphan], object]) -> None:
        self.ledger = ledger
        self._function = function

    def call(self, orphans: list[Orphan]) -> None:
        """An error in it is logged, and the job comes back all the same: at worst the lock's own time runs out."""
        for (namespace, queue), group in groupby(orphans, lambda orphan: (orphan.broker_namespace, orphan.queue)):
            members = list(group)
            payloads = self.ledger.estate.payloads(namespace, queue, [orphan.delivery for orphan in members])
            for orphan in members:
                self._call(orphan, payloads.get(orphan.delivery))

    def _call(self, orphan: Orphan, payload: bytes | None) -> None:
        content = None if payload is None else read_payload(payload, encoder_name())
        known = content is not None and content.kind == "message"
        confirmed = ConfirmedOrphan.of(
            orphan, content.args if content and known else None, content.kwargs if content and known else None
        )
        try:
            self._function(confirmed)
        except BaseException:  # one that calls sys.exit ends itself, not the thread that watches, flushes and audits
            logger.exception("before_hand_back failed for job %s; it comes back all the same.", orphan.message_id)
