"""For any WSGI server: `gunicorn assured_jobs_web.wsgi:app`. The environment says everything."""

from __future__ import annotations

from .app import create_app

app = create_app()
