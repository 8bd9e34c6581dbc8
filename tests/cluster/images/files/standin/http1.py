"""A very small HTTP/1.1 server on asyncio streams: one request a connection, then
close, unless the handler keeps the connection (a WebSocket does). Rules: RFC 9112."""

import asyncio
import json
from http import HTTPStatus

LIMIT = 1 << 20  # bytes of one body
TIMEOUT = 10  # seconds for a request to arrive


class BadRequest(Exception):
    """What arrived is not an HTTP request."""


class Request:
    def __init__(self, method, target, headers, body):
        self.method = method
        self.target = target
        self.path = target.split("?", 1)[0]
        self.headers = headers  # names in lower case
        self.body = body


async def read_request(reader):
    """The next request. BadRequest if the peer sends something else or nothing."""
    try:
        line = (await asyncio.wait_for(reader.readline(), TIMEOUT)).decode("latin-1")
        if not line:
            raise BadRequest("connection closed while reading HTTP request line")
        parts = line.split()
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise BadRequest(f"unsupported HTTP request line: {line.strip()[:80]!r}")
        headers = {}
        for _ in range(200):
            line = (await asyncio.wait_for(reader.readline(), TIMEOUT)).decode("latin-1").strip()
            if not line:
                break
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        else:
            raise BadRequest("too many headers")
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= LIMIT:
            raise BadRequest(f"body of {length} bytes")
        body = await asyncio.wait_for(reader.readexactly(length), TIMEOUT) if length else b""
        return Request(parts[0], parts[1], headers, body)
    except (ValueError, OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
        raise BadRequest(f"broken request: {type(error).__name__}: {error}") from error


def respond(writer, status, body=b"", content_type="text/plain; charset=utf-8", headers=None, head_only=False):
    """Queues one whole response; the connection is to be closed after it."""
    status = HTTPStatus(status)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (b"" if head_only else body))


def respond_json(writer, status, value, headers=None):
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    respond(writer, status, body, "application/json", headers)


async def listen(host, port, handler, on_bad_request=None):
    """Serves until cancelled. handler(request, reader, writer) answers one request.
    on_bad_request(error, peer) hears of connections that never became one."""

    async def connection(reader, writer):
        try:
            request = await read_request(reader)
            await handler(request, reader, writer)
            await writer.drain()
        except BadRequest as error:
            if on_bad_request:
                on_bad_request(error, writer.get_extra_info("peername"))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, host, port)
    return server
