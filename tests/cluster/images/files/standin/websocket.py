"""The WebSocket protocol, both ends, on asyncio streams. Rules: RFC 6455. No
extensions, no subprotocols."""

import asyncio
import base64
import hashlib
import os
import struct
from urllib.parse import urlsplit


GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LIMIT = 64 << 20  # bytes of one message
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Closed(Exception):
    """The connection ended, in order or not."""


class HandshakeRefused(Exception):
    """The other end does not speak WebSocket with us."""


def accept_key(key):
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def wants_upgrade(request):
    """Whether a request asks for a WebSocket."""
    return request.headers.get("upgrade", "").lower() == "websocket" and "sec-websocket-key" in request.headers


async def accept(request, reader, writer):
    """Answers the handshake and returns the server's end."""
    key = accept_key(request.headers["sec-websocket-key"])
    writer.write(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {key}\r\n\r\n".encode())
    await writer.drain()
    return WebSocket(reader, writer, masked=False)


async def dial(url, headers=None, timeout=10):
    """Connects to ws://host[:port]/path and returns the client's end."""
    parts = urlsplit(url)
    if parts.scheme != "ws" or not parts.hostname:
        raise HandshakeRefused(f"not a ws:// address: {url}")
    reader, writer = await asyncio.wait_for(asyncio.open_connection(parts.hostname, parts.port or 80), timeout)
    try:
        key = base64.b64encode(os.urandom(16)).decode()
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        lines = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout)).decode("latin-1").split("\r\n")
        answered = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        if head[0].split()[1:2] != ["101"] or answered.get("sec-websocket-accept") != accept_key(key):
            raise HandshakeRefused(f"server rejected WebSocket connection: {head[0]}")
        return WebSocket(reader, writer, masked=True)
    except BaseException as error:
        writer.close()
        if isinstance(error, (asyncio.IncompleteReadError, asyncio.LimitOverrunError)):
            raise HandshakeRefused("no HTTP answer to the handshake") from error
        raise


class WebSocket:
    def __init__(self, reader, writer, masked):
        self.reader, self.writer, self.masked = reader, writer, masked
        self.closing = False

    def _frame(self, opcode, payload):
        head = bytes([0x80 | opcode])
        mask_bit, size = (0x80 if self.masked else 0), len(payload)
        if size < 126:
            head += bytes([mask_bit | size])
        elif size < 1 << 16:
            head += bytes([mask_bit | 126]) + struct.pack("!H", size)
        else:
            head += bytes([mask_bit | 127]) + struct.pack("!Q", size)
        if self.masked:
            mask = os.urandom(4)
            payload = mask + _masked(payload, mask)
        self.writer.write(head + payload)

    async def send(self, text):
        if self.closing or self.writer.is_closing():
            raise Closed("already closed")
        try:
            self._frame(TEXT, text.encode())
            await self.writer.drain()
        except ConnectionError as error:
            raise Closed(str(error)) from error

    async def receive(self):
        """The next text or binary message. Raises Closed at the end."""
        message, kind = b"", None
        while True:
            try:
                first, second = await self.reader.readexactly(2)
                size = second & 0x7F
                if size == 126:
                    (size,) = struct.unpack("!H", await self.reader.readexactly(2))
                elif size == 127:
                    (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
                if size + len(message) > LIMIT:
                    await self.close(1009)
                    raise Closed("message too long")
                mask = await self.reader.readexactly(4) if second & 0x80 else None
                payload = await self.reader.readexactly(size)
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise Closed("connection lost without a close frame") from error
            if mask:
                payload = _masked(payload, mask)
            opcode = first & 0x0F
            if opcode == PING:
                self._frame(PONG, payload)
            elif opcode == CLOSE:
                if not self.closing:
                    self.closing = True
                    self._frame(CLOSE, payload[:2])
                self.writer.close()
                raise Closed(f"closed with code {struct.unpack('!H', payload[:2])[0] if len(payload) >= 2 else 1005}")
            elif opcode in (TEXT, BINARY, CONTINUATION):
                if opcode != CONTINUATION:
                    kind = opcode
                message += payload
                if first & 0x80:
                    return message.decode("utf-8", "replace") if kind == TEXT else message

    async def close(self, code=1000):
        if self.closing:
            return
        self.closing = True
        try:
            self._frame(CLOSE, struct.pack("!H", code))
            await self.writer.drain()
        except ConnectionError:
            pass
        self.writer.close()


def _masked(payload, mask):
    if not payload:
        return payload
    repeated = mask * (len(payload) // 4 + 1)
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated[: len(payload)], "big")).to_bytes(len(payload), "big")


