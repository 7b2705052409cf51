"""What an operator may see and do: the one service under the command line and the dashboard.

`desk` is the service, `fleet` who lives and who is dead, `payloads` what a job was called with, `selection` which jobs
are meant, `deciding` what a person says about them, `flight` what runs now, `story` all that is known of one job.
"""

from __future__ import annotations

from .deciding import Plan, Tally
from .desk import Forecast, Orphans
from .fleet import Fleet, Member, Status
from .flight import InFlight, in_flight, is_on
from .payloads import Shown
from .selection import DELETABLE, REASONS, RETRIABLE, STATES, Selection
from .story import Story, tell_story

__all__ = [
    "DELETABLE",
    "REASONS",
    "RETRIABLE",
    "STATES",
    "Fleet",
    "Forecast",
    "InFlight",
    "Member",
    "Orphans",
    "Plan",
    "Selection",
    "Shown",
    "Status",
    "Story",
    "Tally",
    "in_flight",
    "is_on",
    "tell_story",
]
