"""A Django project in one file: POST asks for the statements of a month, GET tells how many are written."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.management.utils import get_random_secret_key
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path
from tasks import CUSTOMERS, folder_of, write_statements
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from assured_jobs_web import create_app

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ.get("SECRET_KEY") or get_random_secret_key(),
)


def statements(request, year: int, month: int):
    folder = folder_of(year, month)
    if request.method == "POST":
        if folder.exists():
            return JsonResponse({"error": "These statements have been asked for."}, status=409)
        folder.mkdir(parents=True)
        write_statements.send(year, month)  # if the web app dies right before this, nobody writes them
    return JsonResponse({"month": folder.name, "written": len([*folder.glob("*.txt")]), "of": len(CUSTOMERS)})


urlpatterns = [path("statements/<int:year>/<int:month>", statements)]

# The dashboard stands before Django: neither its middleware nor its logins see these requests.
application = DispatcherMiddleware(get_wsgi_application(), {"/orphaned-jobs": create_app()})
