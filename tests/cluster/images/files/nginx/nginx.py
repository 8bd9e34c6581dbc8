"""Stand-in for nginx with its default configuration: the files below
/usr/share/nginx/html on port 80, index.html for a directory, 403 for one without.
Ends at SIGQUIT (the image's stop signal) and SIGTERM."""

import asyncio
import mimetypes
import os
import signal
import time
from urllib.parse import unquote

from standin import failures, http1

ROOT = "/usr/share/nginx/html"


def find(target):
    """(status, path) for a request target."""
    path = os.path.normpath("/" + unquote(target))
    full = ROOT + path
    if os.path.isdir(full):
        full = os.path.join(full, "index.html")
        return (200, full) if os.path.isfile(full) else (403, None)
    return (200, full) if os.path.isfile(full) else (404, None)


async def answer(request, reader, writer):
    status, path = find(request.path) if request.method in ("GET", "HEAD") else (405, None)
    body, kind = f"<html><head><title>{status}</title></head></html>\n".encode(), "text/html"
    if path:
        try:
            with open(path, "rb") as file:
                body = file.read()
            kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        except OSError:
            status = 403
    http1.respond(writer, status, body, kind, {"Server": "nginx"}, request.method == "HEAD")
    peer = (writer.get_extra_info("peername") or ("-",))[0]
    print(f'{peer} - - [{time.strftime("%d/%b/%Y:%H:%M:%S %z")}] "{request.method} {request.target} HTTP/1.1" {status} {len(body)}', flush=True)


async def run():
    await http1.listen("0.0.0.0", 80, answer)
    await asyncio.Event().wait()


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    # The volume belongs to core, whose switch has the plain name.
    failures.start(0, [f"{ROOT}/standin-fail.nginx"])
    asyncio.run(run())
