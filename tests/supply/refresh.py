#!/usr/bin/env python3
"""Makes advisories.tsv anew from a checkout of the RustSec advisory database: refresh.py CHECKOUT > advisories.tsv

One line an advisory that is not withdrawn: identifier, package, kind (vulnerability or the informational word),
patched requirements, unaffected requirements (both `;`-separated)."""
import pathlib
import subprocess
import sys
import tomllib

checkout = pathlib.Path(sys.argv[1])
names = subprocess.check_output(["git", "-C", checkout, "ls-tree", "-r", "--name-only", "HEAD", "crates"], text=True).split()
date = subprocess.check_output(["git", "-C", checkout, "log", "-1", "--format=%cs"], text=True).strip()
print(f"# RustSec advisory database, state of {date}; facts only, see refresh.py")
for name in sorted(names):
    if not name.endswith(".md"):
        continue
    text = subprocess.check_output(["git", "-C", checkout, "show", f"HEAD:{name}"], text=True)
    head = tomllib.loads(text.split("```toml", 1)[1].split("```", 1)[0])
    advisory, versions = head["advisory"], head.get("versions", {})
    if "withdrawn" in advisory:
        continue
    print("\t".join([
        advisory["id"], advisory["package"], advisory.get("informational", "vulnerability"),
        ";".join(versions.get("patched", [])), ";".join(versions.get("unaffected", [])),
    ]))
