"""Failures on command. A stand-in fails when its environment has STANDIN_FAIL, or
when a file with one of the given names holds the same word:

    crash           exit status 1 right after the start
    never-ready     runs, but opens no port
    slow:SECONDS    starts that much later
    oom             takes memory until it is killed, at most OOM_CAP

STANDIN_START_SECONDS sets how long an ordinary start takes."""

import os
import sys
import time

OOM_CAP = 2 << 30  # bytes; a container without a limit must not take the machine down
STEP = 8 << 20


class BadSwitch(Exception):
    """STANDIN_FAIL or its file holds a word that means nothing."""


def requested(files):
    """The failure asked for, as (kind, seconds). kind is '' for none."""
    word = os.environ.get("STANDIN_FAIL", "").strip()
    for name in files:
        if word:
            break
        try:
            with open(name, encoding="utf-8") as file:
                word = file.read().strip()
        except (FileNotFoundError, NotADirectoryError):
            continue
    kind, _, seconds = word.partition(":")
    if kind == "slow":
        try:
            return kind, float(seconds)
        except ValueError:
            raise BadSwitch(f"STANDIN_FAIL={word}: slow needs seconds, as in slow:20") from None
    if kind not in ("", "crash", "never-ready", "oom"):
        raise BadSwitch(f"STANDIN_FAIL={word}: not one of crash, never-ready, slow:SECONDS, oom")
    return kind, 0.0


def start(default_seconds, files=()):
    """Spends the start time and does what was commanded. Returns when the program
    may open its ports."""
    kind, seconds = requested(files)
    if kind:
        print(f"stand-in: failing on command: {kind}", flush=True)
    if kind == "crash":
        sys.exit(1)
    if kind == "oom":
        take_memory()
    if kind == "never-ready":
        while True:
            time.sleep(3600)
    time.sleep(seconds + float(os.environ.get("STANDIN_START_SECONDS") or default_seconds))


def take_memory():
    taken = []
    while len(taken) * STEP < OOM_CAP:
        # Written, not only reserved: pages that were never touched cost nothing.
        taken.append(bytearray(b"\x01") * STEP)
        time.sleep(0.02)
    print(f"stand-in: took {OOM_CAP >> 20} MiB and was not killed: the container has no memory limit", flush=True)
    sys.exit(1)
