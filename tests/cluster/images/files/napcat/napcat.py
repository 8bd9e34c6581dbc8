"""Stand-in for NapCat in its container image: the console's port 6099, the
configuration folder, and OneBot v11 links once a QQ account is logged in.

No QQ is there, so the login is imitated: the account is the one of ACCOUNT, or of
the first config/onebot11_<QQ>.json found, looked for until there is one. At that
moment the account's OneBot configuration is read, once, as the real program reads
it at its login: later changes to the file need a restart.

Not in NapCat, for tests: POST /__event pushes a raw OneBot event to every link;
GET /__state tells the links and the calls that came in."""

import asyncio
import glob
import json
import os
import re
import secrets
import signal
import sys
import time

from standin import failures, http1, websocket

APP = os.environ.get("NAPCAT_APP", "/app")
CONFIG = os.path.join(APP, "napcat/config")
PORT = 6099
DEFAULT_ONEBOT = {"network": {"httpServers": [], "httpSseServers": [], "httpClients": [], "websocketServers": [], "websocketClients": [], "plugins": []},
                  "musicSignUrl": "", "enableLocalFile2Url": False, "parseMultMsg": False}


def log(text):
    print(time.strftime("%m-%d %H:%M:%S"), "[info]", text, flush=True)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def entrypoint():
    """What the image's entrypoint does as root before NapCat runs."""
    for directory in (CONFIG, os.path.join(APP, ".config/QQ")):
        os.makedirs(directory, exist_ok=True)
    if not os.path.exists(os.path.join(CONFIG, "napcat.json")):
        # The defaults land over what is there, a seeded onebot11.json included.
        write_json(os.path.join(CONFIG, "napcat.json"), {"fileLog": False, "consoleLog": True, "fileLogLevel": "debug", "consoleLogLevel": "info"})
        write_json(os.path.join(CONFIG, "onebot11.json"), DEFAULT_ONEBOT)
    webui = os.path.join(CONFIG, "webui.json")
    if os.environ.get("WEBUI_TOKEN") and not os.path.exists(webui):
        write_json(webui, {"host": "0.0.0.0", "port": PORT, "token": os.environ["WEBUI_TOKEN"], "loginRate": 3})
    uid, gid = int(os.environ.get("NAPCAT_UID", "0")), int(os.environ.get("NAPCAT_GID", "0"))
    if os.getuid() != 0:
        return
    for directory, _, files in os.walk(APP):
        for path in [directory] + [os.path.join(directory, name) for name in files]:
            os.lchown(path, uid, gid)
    if uid or gid:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def webui_token():
    path = os.path.join(CONFIG, "webui.json")
    if not os.path.exists(path):
        write_json(path, {"host": "0.0.0.0", "port": PORT, "token": secrets.token_hex(6), "loginRate": 3})
    webui = read_json(path)
    if webui.get("token") in ("", None, "napcat"):
        webui["token"] = os.environ.get("NAPCAT_WEBUI_SECRET_KEY") or secrets.token_hex(4)
        write_json(path, webui)
    return webui["token"]


class NapCat:
    def __init__(self):
        self.links, self.calls, self.account = {}, [], None

    # the console

    async def console(self, request, reader, writer):
        if request.path == "/":
            http1.respond(writer, 301, headers={"Location": "/webui"})
        elif request.path == "/webui" or request.path.startswith("/webui/"):
            http1.respond(writer, 200, b"<!doctype html><title>NapCat</title><p>stand-in\n", "text/html; charset=utf-8")
        elif request.path == "/__state":
            http1.respond_json(writer, 200, {"account": self.account, "links": sorted(self.links), "calls": self.calls})
        elif request.path == "/__event" and request.method == "POST":
            for link in list(self.links.values()):
                await link.send(request.body.decode())
            http1.respond_json(writer, 200, {"sent": len(self.links)})
        else:
            http1.respond_json(writer, 404, {"code": -1, "message": "Not Found"})

    # OneBot v11

    def answer(self, call):
        action, params = call.get("action", ""), call.get("params") or {}
        self.calls = (self.calls + [{"action": action, "params": params}])[-200:]
        data = {}
        if action == "get_login_info":
            data = {"user_id": int(self.account), "nickname": "maimai"}
        elif action == "get_status":
            data = {"online": True, "good": True}
        elif action.startswith("send_"):
            data = {"message_id": int(time.time() * 1000) % 2147483647}
        return {"status": "ok", "retcode": 0, "data": data, "message": "", "wording": "", "echo": call.get("echo")}

    def meta_event(self, **fields):
        return json.dumps({"time": int(time.time()), "self_id": int(self.account), "post_type": "meta_event", **fields})

    async def serve_link(self, name, link, heartbeat_ms):
        self.links[name] = link
        beat = asyncio.create_task(self.beat(link, heartbeat_ms))
        try:
            await link.send(self.meta_event(meta_event_type="lifecycle", sub_type="connect"))
            while True:
                message = json.loads(await link.receive())
                if "action" in message:
                    await link.send(json.dumps(self.answer(message), ensure_ascii=False))
        finally:
            beat.cancel()
            self.links.pop(name, None)

    async def beat(self, link, milliseconds):
        while milliseconds > 0:
            await asyncio.sleep(milliseconds / 1000)
            await link.send(self.meta_event(meta_event_type="heartbeat", status={"online": True, "good": True}, interval=milliseconds))

    async def client(self, settings):
        """A reverse WebSocket: NapCat dials."""
        name, url = f"client {settings.get('name')} {settings['url']}", settings["url"]
        headers = {"X-Self-ID": self.account, "X-Client-Role": "Universal", "User-Agent": "OneBot/11"}
        if settings.get("token"):
            headers["Authorization"] = f"Bearer {settings['token']}"
        while True:
            try:
                link = await websocket.dial(url, headers)
                log(f"[OneBot] [WebSocket Client] {url} connected")
                await self.serve_link(name, link, int(settings.get("heartInterval", 30000)))
            except (OSError, ValueError, asyncio.TimeoutError, websocket.Closed, websocket.HandshakeRefused) as error:
                log(f"[OneBot] [WebSocket Client] {url} {type(error).__name__}: {error}")
            await asyncio.sleep(int(settings.get("reconnectInterval", 5000)) / 1000)

    async def server(self, settings):
        """A forward WebSocket: NapCat listens."""

        async def connection(request, reader, writer):
            token = settings.get("token")
            if token and request.headers.get("authorization") != f"Bearer {token}" and f"access_token={token}" not in request.target:
                http1.respond(writer, 401, b"Unauthorized\n")
            elif not websocket.wants_upgrade(request):
                http1.respond(writer, 426, b"Upgrade Required\n")
            else:
                link = await websocket.accept(request, reader, writer)
                try:
                    await self.serve_link(f"server {settings['port']} {id(link)}", link, int(settings.get("heartInterval", 30000)))
                except (ValueError, websocket.Closed):
                    pass

        await http1.listen(settings.get("host") or "0.0.0.0", int(settings["port"]), connection)
        log(f"[OneBot] [WebSocket Server] listening on {settings['port']}")

    async def log_in(self):
        """Waits for an account and opens what its OneBot configuration says."""
        self.account = os.environ.get("ACCOUNT")
        while not self.account:
            for path in sorted(glob.glob(os.path.join(CONFIG, "onebot11_*.json"))):
                found = re.fullmatch(r"onebot11_(\d+)\.json", os.path.basename(path))
                if found:
                    self.account = found[1]
                    break
            else:
                await asyncio.sleep(1)
        path = os.path.join(CONFIG, f"onebot11_{self.account}.json")
        if not os.path.exists(path):
            write_json(path, read_json(os.path.join(CONFIG, "onebot11.json")))
        log(f"{self.account} logged in (stand-in)")
        try:
            network = read_json(path).get("network") or {}
        except ValueError as error:
            log(f"[OneBot] {path}: {error}")
            return
        opened = [self.client(entry) for entry in network.get("websocketClients") or [] if entry.get("enable")]
        opened += [self.server(entry) for entry in network.get("websocketServers") or [] if entry.get("enable")]
        await asyncio.gather(*opened)

    async def run(self):
        await http1.listen("0.0.0.0", PORT, self.console)
        await self.log_in()
        await asyncio.Event().wait()


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    entrypoint()
    failures.start(0, [os.path.join(CONFIG, "standin-fail")])
    token = webui_token()
    log(f"[NapCat] [WebUi] WebUi Token: {token}")
    log(f"[NapCat] [WebUi] WebUi User Panel Url: http://127.0.0.1:{PORT}/webui?token={token}")
    try:
        asyncio.run(NapCat().run())
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
