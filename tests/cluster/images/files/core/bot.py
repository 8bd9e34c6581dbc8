"""Stand-in for MaiBot's core: behaves at its boundary as the real program of one
version does and thinks nothing. Which version, and that version's rules, is in
standin.json beside this file.

In this order: reads .env; wants the consent to EULA and PRIVACY; settles the two
configuration files (copies a missing one from the template and ends; moves one of
another version aside and writes a new one); checks them; starts; answers.

Nothing here handles SIGTERM. As process 1 of a container the program is therefore
deaf to it, like the real one, and only SIGINT ends it in order."""

import asyncio
import datetime
import json
import os
import secrets
import shutil
import sqlite3
import sys
import time
import tomllib

from standin import failures, http1, rules, tomltext, websocket

HOME = os.path.dirname(os.path.abspath(__file__))
STATISTICS_SECONDS = 300
TABLES = ("chat_streams", "llm_usage", "emoji", "images", "image_descriptions", "online_time", "person_info", "group_info",
          "expression", "jargon", "chat_history", "thinking_back", "action_records")


def log(module, text):
    print(time.strftime("%m-%d %H:%M:%S"), f"[{module}]", text, flush=True)


def load_environment():
    """.env wins over the container's environment."""
    if not os.path.exists(".env"):
        shutil.copyfile("template/template.env", ".env")
        log("主程序", ".env 不存在，已从模板创建")
    if os.path.isfile(".env"):
        with open(".env", encoding="utf-8") as file:
            for line in file:
                name, found, value = line.strip().partition("=")
                if found and not name.startswith("#"):
                    os.environ[name.strip()] = value.strip().strip("'\"")


def check_agreements(version):
    missing = []
    for name, file, wanted in (("EULA_AGREE", "eula.confirmed", version["eula"]), ("PRIVACY_AGREE", "privacy.confirmed", version["privacy"])):
        if os.environ.get(name) == wanted:
            continue
        try:
            with open(file, encoding="utf-8") as confirmed:
                if confirmed.read().strip() == wanted:
                    continue
        except FileNotFoundError:
            pass
        missing.append((file, wanted))
    if not missing:
        return
    log("主程序", "EULA或隐私条款内容已更新，请阅读后确认")
    log("主程序", f'或设置环境变量 EULA_AGREE={version["eula"]} PRIVACY_AGREE={version["privacy"]} 继续运行')
    # Without a terminal this is the end: EOFError, exit status 1.
    while input().strip().lower() not in ("同意", "confirmed"):
        log("主程序", '请输入“同意”或“confirmed”')
    for file, wanted in missing:
        with open(file, "w", encoding="utf-8") as confirmed:
            confirmed.write(wanted)


def settle(name, wanted):
    """Brings config/NAME to the version of this program, as the real core does:
    any difference of versions, also to a newer one, moves the file aside and
    overlays its values on the template. The move is what a mount point refuses."""
    path, template = f"config/{name}", f"template/{name.removesuffix('.toml')}_template.toml"
    if not os.path.exists(path):
        os.makedirs("config", exist_ok=True)
        shutil.copyfile(template, path)
        log("config", f"{name} 不存在，已从模板创建，请填写后重新启动")
        sys.exit(0)
    with open(path, "rb") as file:
        old = tomllib.load(file)
    found = (old.get("inner") or {}).get("version")
    if found == wanted:
        log("config", f"{name} 版本号相同 (v{found})，跳过更新")
        return
    log("config", f"{name} 版本号不同: v{found} -> v{wanted}")
    os.makedirs("config/old", exist_ok=True)
    stamp = time.strftime("%Y%m%d_%H%M%S")
    shutil.move(path, f"config/old/{name.removesuffix('.toml')}_{stamp}.toml")
    with open(template, "rb") as file:
        new = tomltext.overlay(tomllib.load(file), old)
    with open(path, "w", encoding="utf-8") as file:
        file.write(tomltext.dumps(new))
    log("config", f"{name} 已更新到 v{wanted}")


def load(name, wanted):
    with open(f"config/{name}", "rb") as file:
        tree = tomllib.load(file)
    rules.check(tree, wanted)
    return tree


def open_database():
    os.makedirs("data", exist_ok=True)
    database = sqlite3.connect("data/MaiBot.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, time REAL, chat TEXT, sender TEXT, text TEXT)")
    for table in TABLES:
        database.execute(f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER PRIMARY KEY, time REAL, text TEXT)")
    # What follows stays in the write-ahead log for as long as the program runs, so
    # a copy of MaiBot.db alone misses it.
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute("INSERT INTO online_time (time, text) VALUES (?, 'start')", (time.time(),))
    return database


def prepare_data():
    for directory in ("emoji", "emoji_registed", "expression/learnt_grammar", "expression/learnt_style", "logs", "plugins"):
        os.makedirs(f"data/{directory}", exist_ok=True)
    if not os.path.exists("data/local_store.json"):
        with open("data/local_store.json", "w", encoding="utf-8") as file:
            json.dump({"mmc_uuid": secrets.token_hex(16)}, file)


def webui_token():
    """The console's access token, made at the first start."""
    try:
        with open("data/webui.json", encoding="utf-8") as file:
            token = json.load(file)["access_token"]
            if token:
                return token
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass
    now = datetime.datetime.now().isoformat()
    token = secrets.token_hex(32)
    with open("data/webui.json", "w", encoding="utf-8") as file:
        json.dump({"access_token": token, "created_at": now, "updated_at": now, "first_setup_completed": False}, file, indent=2)
    return token


def write_statistics(database, version):
    (count,) = database.execute("SELECT count(*) FROM messages").fetchone()
    with open("maibot_statistics.html", "w", encoding="utf-8") as file:
        file.write(f"<!doctype html><meta charset=utf-8><title>MaiBot</title><h1>MaiBot {version['core']}</h1><p>messages: {count}</p>\n")


class Core:
    def __init__(self, version, bot):
        self.version, self.bot = version, bot
        self.database = None
        self.adapters = set()

    async def chat_port(self, request, reader, writer):
        """Port 8000: where adapters connect."""
        if request.path != "/ws" or not websocket.wants_upgrade(request):
            http1.respond(writer, 404, b"not found\n")
            return
        link = await websocket.accept(request, reader, writer)
        self.adapters.add(link)
        log("maim_message", f"adapter connected ({len(self.adapters)})")
        try:
            while True:
                await self.message(link, await link.receive())
        except websocket.Closed as end:
            log("maim_message", f"adapter gone: {end}")
        finally:
            self.adapters.discard(link)

    async def message(self, link, raw):
        try:
            message = json.loads(raw)
            info, text = message["message_info"], message["message_segment"]["data"]
        except (ValueError, KeyError, TypeError):
            log("maim_message", "message without sense, dropped")
            return
        chat = json.dumps({"group_info": info.get("group_info"), "user_info": info.get("user_info")}, sort_keys=True, ensure_ascii=False)
        sender = str((info.get("user_info") or {}).get("user_id", ""))
        self.database.execute("INSERT INTO messages (time, chat, sender, text) VALUES (?, ?, ?, ?)", (time.time(), chat, sender, str(text)))
        log("chat", f"{sender}: {text}")
        answer = {"message_info": {**info, "message_id": secrets.token_hex(8)}, "message_segment": {"type": "text", "data": f"收到：{text}"}}
        await link.send(json.dumps(answer, ensure_ascii=False))

    async def webui_port(self, request, reader, writer):
        """Port 8001: the console."""
        token = webui_token()
        if request.path == "/api/webui/health" and request.method == "GET":
            http1.respond_json(writer, 200, {"status": "healthy", "service": "MaiBot WebUI"})
        elif request.path == "/api/webui/auth/verify" and request.method == "POST":
            try:
                given = json.loads(request.body).get("token")
            except (ValueError, AttributeError):
                given = None
            if given == token:
                http1.respond_json(writer, 200, {"valid": True}, {"Set-Cookie": f"maibot_session={token}; HttpOnly; Max-Age=604800; Path=/; SameSite=Lax"})
            else:
                http1.respond_json(writer, 401, {"valid": False})
        elif request.path.startswith("/api/"):
            known = request.headers.get("authorization") == f"Bearer {token}" or f"maibot_session={token}" in request.headers.get("cookie", "")
            http1.respond_json(writer, 404 if known else 401, {"detail": "Not Found" if known else "Unauthorized"})
        else:
            http1.respond(writer, 200, f"<!doctype html><meta charset=utf-8><title>MaiBot WebUI</title><p>stand-in {self.version['core']}\n".encode(), "text/html; charset=utf-8")

    async def api_port(self, request, reader, writer):
        """Port 8090: the message API, only that it is there."""
        http1.respond_json(writer, 404, {"detail": "Not Found"})

    async def run(self):
        prepare_data()
        self.database = open_database()
        if self.webui_enabled():
            host, port = os.environ.get("WEBUI_HOST", "127.0.0.1"), int(os.environ.get("WEBUI_PORT", "8001"))
            await http1.listen(host, port, self.webui_port)
            log("webui", f"🔑 WebUI Access Token: {webui_token()}")
            log("webui", f"WebUI: http://{host}:{port}")
        if (self.bot.get("maim_message") or {}).get("enable_api_server"):
            await http1.listen(self.bot["maim_message"].get("api_server_host", "0.0.0.0"), int(self.bot["maim_message"].get("api_server_port", 8090)), self.api_port)
        await http1.listen(os.environ["HOST"], int(os.environ["PORT"]), self.chat_port)
        log("main", "全部系统初始化完成")
        while True:
            write_statistics(self.database, self.version)
            await asyncio.sleep(STATISTICS_SECONDS)

    def webui_enabled(self):
        return self.version["webui"] == "config" and bool((self.bot.get("webui") or {}).get("enabled", True))


def main():
    os.chdir(HOME)
    with open("standin.json", encoding="utf-8") as file:
        version = json.load(file)
    log("主程序", f"MaiBot {version['core']} (stand-in)")
    load_environment()
    check_agreements(version)
    for name in ("HOST", "PORT"):
        os.environ[name]  # KeyError, as the real program has it
    for name in ("bot_config", "model_config"):
        settle(f"{name}.toml", version[name]["version"])
    bot = load("bot_config.toml", version["bot_config"])
    rules.check_models(load("model_config.toml", version["model_config"]))
    core = Core(version, bot)
    try:
        failures.start(3, ["data/standin-fail"])
        asyncio.run(core.run())
    except KeyboardInterrupt:
        log("main", "SIGINT: stopping")
    finally:
        if core.database is not None:
            core.database.close()
    log("main", "stopped")


if __name__ == "__main__":
    main()
