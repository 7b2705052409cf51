"""PUT a CSV file; GET tells how much of it is imported. The dashboard of orphaned jobs stands beside that."""

from __future__ import annotations

from a2wsgi import WSGIMiddleware
from fastapi import FastAPI, HTTPException, Request
from tasks import database, import_file

from assured_jobs_web import create_app

app = FastAPI()
app.mount("/orphaned-jobs", WSGIMiddleware(create_app()))  # it asks who comes in, not FastAPI


@app.put("/imports/{name}", status_code=202)
async def create(name: str, request: Request) -> dict[str, object]:
    text = (await request.body()).decode()
    database().execute("INSERT OR IGNORE INTO imports (name, csv) VALUES (?, ?)", (name, text))
    # A client that got no answer may ask again: two jobs for one file import each row once.
    import_file.send(name)
    return status(name)


@app.get("/imports/{name}")
def status(name: str) -> dict[str, object]:
    db = database()
    found = db.execute("SELECT csv, crashes, done FROM imports WHERE name = ?", (name,)).fetchone()
    if found is None:
        raise HTTPException(404)
    (imported,) = db.execute("SELECT count(*) FROM rows WHERE import = ?", (name,)).fetchone()
    text, crashes, done = found
    return {"name": name, "done": bool(done), "imported": imported, "of": len(text.splitlines()), "crashes": crashes}
