"""The orphaned-jobs dashboard: what an operator needs at 2 am. Needs the extra `dramatiq-assured-jobs[web]`.

`create_app` is the dashboard by itself, `Dashboard` mounts it into a Flask app. To read the code, begin with `doors`
(which views there are, and the right each asks for) and `guard` (what stands before them); `pages` is for people, `api`
for programs, and both speak to `office`, which opens the one service under the command line, too.
"""

from __future__ import annotations

from .access import OPERATOR, VIEWER, Principal
from .app import create_app
from .dashboard import Dashboard
from .settings import WebSettings

__all__ = ["OPERATOR", "VIEWER", "Dashboard", "Principal", "WebSettings", "create_app"]
