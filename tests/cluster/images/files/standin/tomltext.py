"""TOML as text: writing a value tree (comments are not in a value tree, so they
are lost, as with the library of the real programs that rewrite files) and
overlaying old values on a template. Rules: TOML 1.0."""

import datetime
import json
import re

BARE = re.compile(r"^[A-Za-z0-9_-]+$")


def key(name):
    return name if BARE.match(name) else json.dumps(name, ensure_ascii=False)


def scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are a subset of TOML's, but JSON leaves DEL as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if value != value:
            return "nan"
        if value in (float("inf"), float("-inf")):
            return "inf" if value > 0 else "-inf"
        return repr(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, list):
        return "[" + ", ".join(scalar(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key(k)} = {scalar(v)}" for k, v in value.items()) + " }" if value else "{}"
    raise TypeError(f"no TOML for {type(value).__name__}")


def is_table_list(value):
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def dumps(tree):
    """The whole document. Plain keys come before tables, as TOML demands."""
    lines = []

    def table(prefix, content):
        for name, value in content.items():
            if not isinstance(value, dict) and not is_table_list(value):
                lines.append(f"{key(name)} = {scalar(value)}")
        for name, value in content.items():
            path = f"{prefix}.{key(name)}" if prefix else key(name)
            if isinstance(value, dict):
                lines.extend(["", f"[{path}]"] if lines else [f"[{path}]"])
                table(path, value)
            elif is_table_list(value):
                for item in value:
                    lines.extend(["", f"[[{path}]]"] if lines else [f"[[{path}]]"])
                    table(path, item)

    table("", tree)
    return "\n".join(lines) + "\n"


def overlay(template, old):
    """Old values onto a template, in place: only keys the template has, tables
    entered, lists taken whole, every `version` left as the template has it."""
    for name, value in old.items():
        if name == "version" or name not in template:
            continue
        if isinstance(value, dict) and isinstance(template[name], dict):
            overlay(template[name], value)
        else:
            template[name] = value
    return template
