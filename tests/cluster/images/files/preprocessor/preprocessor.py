"""Stand-in for the official chart's Job of version 0.12.2. In this order, and with
the faults of the real one, because tests need a partner that has them:

scale adapter and core to 0 and wait until their pods are gone; if no configuration
file is on the volumes, move the ones of older charts from their ConfigMaps, each
ConfigMap deleted after the first key taken from it; write what the environment
brings; set the fields the chart owns, losing every comment; scale both to 1 and
not wait.

It talks to the API server as the pod's service account, under the agent name of
the generated Python client, so that the server records the same field manager
(OpenAPI-Generator, subresource scale)."""

import base64
import json
import os
import ssl
import sys
import time
import tomllib
import urllib.error
import urllib.request

from standin import failures, tomltext

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
ADAPTER, CORE = "/app/config/adapter", "/app/config/core"
POLL_SECONDS, WAIT_SECONDS = 5, 300
AGENT = "OpenAPI-Generator/34.1.0/python"


def log(text):
    print(time.strftime("%Y-%m-%d %H:%M:%S"), text, flush=True)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class ApiError(Exception):
    def __init__(self, status, text):
        super().__init__(f"({status}) {text}")
        self.status = status


class Cluster:
    """The four calls the Job makes."""

    def __init__(self):
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        self.base = f"https://{'[' + host + ']' if ':' in host else host}:{port}"
        self.tls = ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt")
        self.token = read(f"{ACCOUNT}/token").strip()
        self.namespace = read(f"{ACCOUNT}/namespace").strip()

    def call(self, method, path, body=None, content_type="application/json"):
        request = urllib.request.Request(self.base + path, method=method, data=None if body is None else json.dumps(body).encode())
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("User-Agent", AGENT)
        request.add_header("Accept", "application/json")
        if body is not None:
            request.add_header("Content-Type", content_type)
        try:
            # The proxy of the environment is for images, not for the API server.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.tls))
            with opener.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, error.read().decode("utf-8", "replace")) from error

    def scale(self, name, replicas):
        path = f"/apis/apps/v1/namespaces/{self.namespace}/statefulsets/{name}/scale"
        self.call("PATCH", path, {"spec": {"replicas": replicas}}, "application/strategic-merge-patch+json")

    def owned_pods(self, names):
        pods = self.call("GET", f"/api/v1/namespaces/{self.namespace}/pods")["items"]
        return [pod["metadata"]["name"] for pod in pods for owner in pod["metadata"].get("ownerReferences") or []
                if owner["kind"] == "StatefulSet" and owner["name"] in names]

    def config_map(self, name):
        return self.call("GET", f"/api/v1/namespaces/{self.namespace}/configmaps/{name}")

    def delete_config_map(self, name):
        self.call("DELETE", f"/api/v1/namespaces/{self.namespace}/configmaps/{name}")


def stop(cluster, names):
    for name in names:
        cluster.scale(name, 0)
    deadline = time.monotonic() + WAIT_SECONDS
    while cluster.owned_pods(names):
        if time.monotonic() > deadline:
            raise TimeoutError(f"pods of {', '.join(names)} are still there after {WAIT_SECONDS} s")
        time.sleep(POLL_SECONDS)


def migrate_key(cluster, name, key, target):
    """One key of a ConfigMap to a file; False if the ConfigMap is not there. Any
    other refusal counts as done: one of the real faults."""
    try:
        text = cluster.config_map(name)["data"][key]
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
        cluster.delete_config_map(name)
    except ApiError as error:
        if error.status == 404:
            return False
    return True


def migrate(cluster, release):
    targets = (f"{ADAPTER}/config.toml", f"{CORE}/bot_config.toml", f"{CORE}/model_config.toml")
    if any(os.path.isfile(target) for target in targets):
        log("configuration files are there, nothing to migrate")
        return
    prefix = f"{release}-maibot"
    for sources in (
        ((f"{prefix}-adapter-config", "config.toml"), (f"{prefix}-core-bot-config", "bot_config.toml"), (f"{prefix}-core-model-config", "model_config.toml")),
        ((f"{prefix}-adapter", "config.toml"), (f"{prefix}-core", "bot_config.toml"), (f"{prefix}-core", "model_config.toml")),
    ):
        done = {target: migrate_key(cluster, name, key, target) for (name, key), target in zip(sources, targets)}
        if any(done.values()):
            for target, moved in done.items():
                log(f"core_{os.path.basename(target)}: {moved}" if target.startswith(CORE) else f"adapter_{os.path.basename(target)}: {moved}")
            if not all(done.values()):
                log("WARNING: not every configuration file could be migrated")
            return


def write_given():
    for variable, target in (("CONFIG_ADAPTER_B64", f"{ADAPTER}/config.toml"), ("CONFIG_CORE_ENV_B64", f"{CORE}/.env"),
                             ("CONFIG_CORE_BOT_B64", f"{CORE}/bot_config.toml"), ("CONFIG_CORE_MODEL_B64", f"{CORE}/model_config.toml")):
        given = os.environ.get(variable, "").strip()
        if given:
            with open(target, "wb") as file:
                file.write(base64.b64decode(given))
            log(f"{target} written")


def homogeneous(value, path):
    """The library of the real Job refuses lists of mixed types."""
    if isinstance(value, dict):
        for name, item in value.items():
            homogeneous(item, f"{path}.{name}")
    elif isinstance(value, list):
        if len({type(item) for item in value}) > 1:
            raise ValueError(f"Not a homogeneous array: {path}")
        for item in value:
            homogeneous(item, path)


def reset(path, fields):
    tree = tomllib.loads(read(path))
    homogeneous(tree, os.path.basename(path))
    for name, value in fields.items():
        table, key = name.split(".")
        tree.setdefault(table, {})[key] = value
    with open(path, "w", encoding="utf-8") as file:
        file.write(tomltext.dumps(tree))


def switch(name):
    return os.environ.get(name, "").strip().lower() == "true"


def main():
    failures.start(0, [f"{CORE}/standin-fail.preprocessor"])
    release = os.environ["RELEASE_NAME"]
    names = [f"{release}-maibot-adapter", f"{release}-maibot-core"]
    cluster = Cluster()
    log("stopping adapter and core")
    stop(cluster, names)
    migrate(cluster, release)
    write_given()
    reset(f"{ADAPTER}/config.toml", {"napcat_server.host": "0.0.0.0", "napcat_server.port": 8095,
                                     "maibot_server.host": f"{release}-maibot-core", "maibot_server.port": 8000})
    reset(f"{CORE}/bot_config.toml", {"webui.enabled": switch("IS_WEBUI_ENABLED"), "webui.allowed_ips": "0.0.0.0/0",
                                      "maim_message.enable_api_server": switch("IS_MMSG_ENABLED"), "maim_message.api_server_host": "0.0.0.0",
                                      "maim_message.api_server_port": 8090})
    log("starting adapter and core")
    for name in names:
        cluster.scale(name, 1)
    log("done")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
