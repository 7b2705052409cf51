"""What an operator may see and do: the one service under the command line and the dashboard.

`desk` is the service, `fleet` who lives and who is dead, `payloads` what a job was called with, `selection` which jobs
are meant, `deciding` what a person says about them, `flight` what runs now, `story` all that is known of one job.
For whoever must answer soon, be they a hundred thousand: `browsing` is the list page by page, `running` a word about
many in steps, `mirror` what happened without reading it all again. `redaction` hides secrets, `wording` finds words.
"""

from __future__ import annotations

from .browsing import SORTS, WAITING, Browser, Kinds, Number, Page, Sort
from .deciding import Plan, Tally, Verb
from .desk import Forecast, Orphans
from .fleet import Fleet, Member, Status
from .flight import InFlight, in_flight, is_on
from .mirror import Mirror
from .payloads import Shown
from .redaction import Redaction
from .running import Order, Progress, Running
from .selection import DELETABLE, REASONS, RETRIABLE, STATES, Selection
from .story import Story, tell_story

__all__ = [
    "DELETABLE",
    "REASONS",
    "RETRIABLE",
    "SORTS",
    "STATES",
    "WAITING",
    "Browser",
    "Fleet",
    "Forecast",
    "InFlight",
    "Kinds",
    "Member",
    "Mirror",
    "Number",
    "Order",
    "Orphans",
    "Page",
    "Plan",
    "Progress",
    "Redaction",
    "Running",
    "Selection",
    "Shown",
    "Sort",
    "Status",
    "Story",
    "Tally",
    "Verb",
    "in_flight",
    "is_on",
    "tell_story",
]
