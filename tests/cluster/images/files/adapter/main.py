"""Stand-in for the NapCat adapter of MaiBot: a WebSocket server for NapCat on one
side, a WebSocket client of core on the other, messages translated in between.
Which version, and that version's rules, is in standin.json beside this file.

A configuration of another version is copied aside, rewritten in place and the
program ends, so that the next start finds the right one. Nothing handles SIGTERM:
as process 1 of a container it is deaf to it, like the real one."""

import asyncio
import json
import os
import secrets
import shutil
import sqlite3
import sys
import time
import tomllib
import traceback

from standin import failures, http1, rules, tomltext, websocket

HOME = os.path.dirname(os.path.abspath(__file__))
CONFIG = "config.toml"
RECONNECT_SECONDS = 2


def log(level, text):
    print(time.strftime("%m-%d %H:%M:%S"), f"| {level} |", text, flush=True)


def settle(wanted):
    """Copies a missing configuration from the template, rewrites one of another
    version; both end the program."""
    if not os.path.exists(CONFIG):
        shutil.copyfile("template/template_config.toml", CONFIG)
        log("INFO", "配置文件不存在，已从模板创建，请填写后重新启动")
        sys.exit(0)
    with open(CONFIG, "rb") as file:
        old = tomllib.load(file)
    found = (old.get("inner") or {}).get("version")
    if found == wanted:
        return
    os.makedirs("config_backup", exist_ok=True)
    shutil.copyfile(CONFIG, f"config_backup/config.toml.bak.{time.strftime('%Y%m%d_%H%M%S')}")
    with open("template/template_config.toml", "rb") as file:
        new = tomltext.overlay(tomllib.load(file), old)
    # In place: the file may be a mount point.
    with open(CONFIG, "w", encoding="utf-8") as file:
        file.write(tomltext.dumps(new))
    log("INFO", f"配置文件已从 v{found} 更新到 v{wanted}，请重新启动")
    sys.exit(0)


def load(wanted):
    with open(CONFIG, "rb") as file:
        tree = tomllib.load(file)
    rules.check(tree, wanted)
    return tree


class Adapter:
    def __init__(self, version, config):
        self.version, self.config = version, config
        self.core = None  # link to core
        self.napcat = None  # link of NapCat; the newest wins
        self.database = None

    def napcat_address(self, config=None):
        server = (config or self.config)["napcat_server"]
        return server.get("host", "localhost"), int(server.get("port", 8095)), server.get("token", "")

    # NapCat's side

    async def napcat_port(self, request, reader, writer):
        if not websocket.wants_upgrade(request):
            self.failed_handshake(f"missing Upgrade header in a {request.method} request")
            http1.respond(writer, 426, b"Failed to open a WebSocket connection: missing Upgrade header.\n", headers={"Upgrade": "websocket"})
            return
        token = self.napcat_address()[2]
        if token and request.headers.get("authorization") != f"Bearer {token}":
            log("WARNING", "connection with a wrong token refused")
            http1.respond(writer, 401, b"Unauthorized\n")
            return
        link = await websocket.accept(request, reader, writer)
        if self.napcat is not None:
            log("WARNING", "a new connection takes the place of the old one")
        self.napcat = link
        try:
            while True:
                await self.event(json.loads(await link.receive()))
        except (websocket.Closed, ValueError) as end:
            log("ERROR", f"可能发生了连接断开: {end}")
        finally:
            if self.napcat is link:
                self.napcat = None

    def failed_handshake(self, reason, peer=None):
        """A connection that is no WebSocket costs a traceback in the log, as with
        the library of the real program."""
        try:
            raise websocket.HandshakeRefused(reason)
        except websocket.HandshakeRefused:
            log("ERROR", "opening handshake failed\n" + traceback.format_exc().rstrip())

    async def event(self, event):
        kind = event.get("post_type")
        if kind == "meta_event" and event.get("meta_event_type") == "lifecycle":
            log("SUCCESS", f"Bot {event.get('self_id')} 连接成功")
        elif kind == "message" and self.allowed(event):
            text = "".join(part.get("data", {}).get("text", "") for part in event.get("message") or [] if part.get("type") == "text")
            info = {"platform": "qq", "message_id": str(event.get("message_id")), "time": event.get("time"),
                    "user_info": {"platform": "qq", "user_id": str(event.get("user_id")), "user_nickname": (event.get("sender") or {}).get("nickname", "")},
                    "group_info": {"platform": "qq", "group_id": str(event["group_id"])} if event.get("message_type") == "group" else None}
            self.database.execute("INSERT INTO seen (time, user, text) VALUES (?, ?, ?)", (time.time(), str(event.get("user_id")), text))
            if self.core is not None:
                await self.core.send(json.dumps({"message_info": info, "message_segment": {"type": "text", "data": text}}, ensure_ascii=False))
            else:
                log("WARNING", "message lost: core is not connected")

    def allowed(self, event):
        """The black and white lists of [chat]."""
        chat = self.config["chat"]
        if event.get("user_id") in chat["ban_user_id"]:
            return False
        which, number = ("group", event.get("group_id")) if event.get("message_type") == "group" else ("private", event.get("user_id"))
        listed = number in chat[f"{which}_list"]
        return listed if chat.get(f"{which}_list_type", "whitelist") == "whitelist" else not listed

    # core's side

    async def dial_core(self):
        server = self.config["maibot_server"]
        url = f"ws://{server.get('host', 'localhost')}:{server.get('port', 8000)}/ws"
        while True:
            try:
                self.core = await websocket.dial(url, {"platform": "qq"})
                log("INFO", f"connected to {url}")
                while True:
                    await self.answer(json.loads(await self.core.receive()))
            except (OSError, ValueError, asyncio.TimeoutError, websocket.Closed, websocket.HandshakeRefused) as error:
                log("ERROR", f"{url}: {type(error).__name__}: {error}")
            finally:
                self.core = None
            await asyncio.sleep(RECONNECT_SECONDS)

    async def answer(self, message):
        info = message.get("message_info") or {}
        text = (message.get("message_segment") or {}).get("data", "")
        group = (info.get("group_info") or {}).get("group_id")
        action = ("send_group_msg", {"group_id": int(group)}) if group else ("send_private_msg", {"user_id": int((info.get("user_info") or {}).get("user_id", 0))})
        if self.napcat is None:
            log("WARNING", "answer lost: NapCat is not connected")
            return
        call = {"action": action[0], "params": {**action[1], "message": [{"type": "text", "data": {"text": text}}]}, "echo": secrets.token_hex(8)}
        try:
            await self.napcat.send(json.dumps(call, ensure_ascii=False))
        except websocket.Closed as end:
            log("ERROR", f"answer lost: {end}")

    # both

    async def serve_napcat(self):
        """The server for NapCat; started anew when its settings in the file change,
        in versions that watch the file."""
        while True:
            address = self.napcat_address()
            server = await http1.listen(address[0], address[1], self.napcat_port, self.failed_handshake)
            log("INFO", f"WebSocket server on {address[0]}:{address[1]}")
            stamp = os.stat(CONFIG).st_mtime_ns
            while True:
                await asyncio.sleep(1)
                try:
                    now = os.stat(CONFIG).st_mtime_ns
                    if not self.version["hot_reload"] or now == stamp:
                        continue
                    stamp = now
                    self.config = load(self.version["config"])
                except (OSError, ValueError, TypeError) as error:
                    log("ERROR", f"changed configuration not taken: {error}")
                    continue
                log("INFO", "configuration read again")
                if self.napcat_address() != address:
                    server.close()
                    if self.napcat is not None:
                        await self.napcat.close(1012)
                    break

    async def run(self):
        os.makedirs("data", exist_ok=True)
        self.database = sqlite3.connect("data/NapcatAdapter.db", isolation_level=None)
        self.database.execute("CREATE TABLE IF NOT EXISTS seen (id INTEGER PRIMARY KEY, time REAL, user TEXT, text TEXT)")
        core = asyncio.create_task(self.dial_core())
        serve = asyncio.create_task(self.serve_napcat())
        log("SUCCESS", "Adapter 启动成功")
        await asyncio.gather(core, serve)


def main():
    os.chdir(HOME)
    with open("standin.json", encoding="utf-8") as file:
        version = json.load(file)
    log("INFO", f"MaiBot-Napcat-Adapter {version['adapter']} (stand-in)")
    settle(version["config"]["version"])
    adapter = Adapter(version, load(version["config"]))
    try:
        failures.start(1, ["data/standin-fail"])
        asyncio.run(adapter.run())
    except KeyboardInterrupt:
        log("INFO", "SIGINT: stopping")
    except Exception:
        log("CRITICAL", traceback.format_exc())
    finally:
        if adapter.database is not None:
            adapter.database.close()
    # The real program reports success here after a fatal error too.
    sys.exit(0)


if __name__ == "__main__":
    main()
