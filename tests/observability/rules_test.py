#!/usr/bin/env python3
"""Rules, alerts, runbook and dashboard agree with each other and with the
catalogue of metrics; promtool checks the rules and runs their tests."""

import json
import re
import subprocess
import sys

from observed import (
    ALERTS,
    DASHBOARD,
    ROOT,
    RULES,
    catalogue,
    dashboard_queries,
    need,
    rule_names,
    text_of,
)

CASES = "tests/observability/alerts.test.yaml"
OUR_NAME = re.compile(r"\b((?:logitd|process)_[a-z_]+|\w+:logitd_[a-z_]+:\w+)\b")

wrong = []


def check(holds, what):
    if not holds:
        wrong.append(what)


def promtool(*arguments):
    done = subprocess.run(
        ["promtool", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    check(done.returncode == 0, f"promtool {arguments}: {done.stdout}{done.stderr}")


def check_alerts():
    alerts = text_of(ALERTS)
    cases = text_of(CASES)
    names = rule_names("alert", alerts)
    check(len(names) > 10, "alerts.yaml holds no alerts")
    entries = re.findall(r"(?m)^## (\w+)$", text_of("deploy/RUNBOOK.md"))
    for name in names:
        check(name in entries, f"deploy/RUNBOOK.md has no entry ## {name}")
        link = f"deploy/RUNBOOK.md#{name.lower()}"
        check(f"runbook: {link}\n" in alerts, f"{name} does not link to {link}")
        check(f"- name: {name} fires\n" in cases, f"{CASES}: {name} never fires")
        quiet = f"alertname: {name}\n        exp_alerts: []"
        check(quiet in cases, f"{CASES}: {name} is not asked to be quiet")
    for entry in entries:
        check(entry in names, f"deploy/RUNBOOK.md: there is no alert {entry}")


def check_names():
    kinds = catalogue()
    known = set(rule_names("record", text_of(RULES)))
    for name, kind in kinds.items():
        parts = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        known.update(name + part for part in parts)
    texts = {"rules.yaml": text_of(RULES), "alerts.yaml": text_of(ALERTS)}
    texts.update({f"dashboard, {t}: {e}": e for t, e in dashboard_queries()})
    for where, text in texts.items():
        code = re.sub(r"(?m)^ *#.*$|^ *(summary|description|- name):.*$", "", text)
        for name in OUR_NAME.findall(code):
            check(name in known, f"{where}: there is no metric {name}")


def check_dashboard():
    board = json.loads(text_of(DASHBOARD))
    ids = [panel["id"] for panel in board["panels"]]
    check(len(ids) == len(set(ids)), "dashboard: two panels of one id")
    taken = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        check(not cells & taken, f"dashboard: {panel['title']} covers another panel")
        check(at["x"] + at["w"] <= 24, f"dashboard: {panel['title']} is too wide")
        taken |= cells


def main():
    need("promtool")
    promtool("check", "rules", RULES, ALERTS)
    promtool("test", "rules", CASES)
    promtool("test", "rules", "tests/observability/rules.test.yaml")
    check_alerts()
    check_names()
    check_dashboard()
    for line in wrong:
        print(f"WRONG: {line}")
    print("rules, alerts, runbook and dashboard agree" if not wrong else "")
    return 1 if wrong else 0


sys.exit(main())
