"""Stand-in for sqlite-web: the tables of the database named by SQLITE_DATABASE on
port 8080, opened for reading only and anew for each request, so that it never
keeps a lock or a write-ahead log alive."""

import asyncio
import html
import os
import signal
import sqlite3
from urllib.parse import quote, unquote

from standin import failures, http1

DATABASE = os.environ.get("SQLITE_DATABASE", "")


def page(path):
    """(status, HTML) for a path: the list of tables, or one table's row count."""
    if not os.path.isfile(DATABASE):
        return 200, f"<p>{html.escape(DATABASE)}: no such database yet"
    database = sqlite3.connect(f"file:{quote(DATABASE)}?mode=ro", uri=True, timeout=5)
    try:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        if path == "/":
            return 200, "".join(f"<li><a href='/{quote(name)}/'>{html.escape(name)}</a>" for name in tables)
        name = unquote(path.strip("/"))
        if name not in tables:
            return 404, "no such table"
        quoted = '"' + name.replace('"', '""') + '"'
        (count,) = database.execute(f"SELECT count(*) FROM {quoted}").fetchone()
        return 200, f"<p>{html.escape(name)}: {count} rows"
    except sqlite3.Error as error:
        return 500, html.escape(str(error))
    finally:
        database.close()


async def answer(request, reader, writer):
    status, text = page(request.path)
    http1.respond(writer, status, f"<!doctype html><meta charset=utf-8><title>sqlite-web</title>{text}\n".encode(), "text/html; charset=utf-8")


async def run():
    await http1.listen("0.0.0.0", 8080, answer)
    print(f"sqlite-web (stand-in) serves {DATABASE} on 8080", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    # The volume belongs to core, whose switch has the plain name.
    failures.start(0, [os.path.join(os.path.dirname(DATABASE) or ".", "standin-fail.sqlite-web")])
    asyncio.run(run())
