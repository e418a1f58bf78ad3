#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds up GoogleTest reports: summarize.py LABEL=DIRECTORY ...

Shows every failed case with its output, and ends with one line: N passed, M failed (, K skipped).
A directory holds NAME.status, NAME.log and NAME.json for each test (see tests/isolated). A test that crashed,
was killed, or ended badly although its cases passed, counts as one failure more.
"""
import json
import pathlib
import sys

TAIL = 60  # lines of a log that are worth showing
count = {"passed": 0, "failed": 0, "skipped": 0}


def fail(label, name, text):
    count["failed"] += 1
    print(f"\nFAILED [{label}] {name}\n" + "\n".join("    " + line for line in text.splitlines()))


def cases(report):
    for suite in report.get("testsuites", []):
        for case in suite["testsuite"]:
            if case["status"] == "RUN":
                yield f"{case['classname']}.{case['name']}", case


def add(label, status_file):
    name = status_file.stem
    status = status_file.read_text().strip()
    log_file = status_file.with_suffix(".log")
    log = log_file.read_text(errors="replace").splitlines() if log_file.exists() else []
    try:
        report = json.loads(status_file.with_suffix(".json").read_text(errors="replace"))
    except (OSError, ValueError):
        count["passed"] += sum(line.startswith("[       OK ] ") for line in log)
        count["skipped"] += sum(line.startswith("[  SKIPPED ] ") and line.endswith("ms)") for line in log)
        return fail(label, name, "\n".join(log[-TAIL:] + [f"ended without a report: {status}"]))

    failures = 0
    for case_name, case in cases(report):
        if case.get("failures"):
            failures += 1
            fail(label, f"{name}: {case_name}", "\n".join(f["failure"] for f in case["failures"]))
        else:
            count["skipped" if case.get("result") == "SKIPPED" else "passed"] += 1
    if status != "0" and not failures:
        fail(label, name, "\n".join(log[-TAIL:] + [f"its cases passed, but it ended with: {status}"]))
    elif failures:
        print(f"  whole output: {log_file}")


for argument in sys.argv[1:]:
    label, _, directory = argument.partition("=")
    for status_file in sorted(pathlib.Path(directory).glob("*.status")):
        add(label, status_file)

skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
print(f"\n{count['passed']} passed, {count['failed']} failed{skipped}")
sys.exit(1 if count["failed"] or not count["passed"] else 0)
