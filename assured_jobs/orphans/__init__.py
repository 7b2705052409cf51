"""What an operator may see and do: the one service under the command line and the dashboard.

`desk` is the service, `fleet` who lives and who is dead, `payloads` what a job was called with.
"""

from __future__ import annotations

from .desk import DELETABLE, RETRIABLE, STATES, Forecast, Orphans, Tally
from .fleet import Fleet, Member, Status
from .payloads import Shown

__all__ = [
    "DELETABLE",
    "RETRIABLE",
    "STATES",
    "Fleet",
    "Forecast",
    "Member",
    "Orphans",
    "Shown",
    "Status",
    "Tally",
]
