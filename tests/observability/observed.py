"""What the observability tests share: names out of our files, HTTP without a
proxy, and waiting for what must come."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request

ROOT = os.environ.get("LOGITD_SOURCE_DIR", os.getcwd())
BIN = os.path.join(
    os.environ.get("LOGITD_BUILD_DIR", os.path.join(ROOT, ".build/release")), "bin"
)
RULES = os.path.join(ROOT, "deploy/prometheus/rules.yaml")
ALERTS = os.path.join(ROOT, "deploy/prometheus/alerts.yaml")
DASHBOARD = os.path.join(ROOT, "deploy/grafana/dashboard.json")
PATIENCE_S = 120


def need(*programs):
    """Skips the test, and says why, where Debian's prometheus is missing."""
    for program in programs:
        if shutil.which(program) is None:
            print(f"SKIPPED: no {program}: apt-get install prometheus")
            sys.exit(77)


def text_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def catalogue():
    """Names of the metrics, and which of them are histograms."""
    page = subprocess.run(
        [os.path.join(BIN, "logitd"), "--print_metrics"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    kinds = dict(re.findall(r"(?m)^\| `(\w+)` \| (\w+) \|", page))
    assert len(kinds) > 30, page
    return kinds


def rule_names(kind, text):
    """kind: record or alert."""
    return re.findall(rf"(?m)^\s*- {kind}: (\S+)$", text)


def dashboard_queries():
    """(panel, query) of every panel and annotation, with variables filled in."""
    board = json.loads(text_of(DASHBOARD))
    queries = [
        (panel["title"], target["expr"])
        for panel in board["panels"]
        for target in panel.get("targets", [])
    ]
    queries += [(a["name"], a["expr"]) for a in board["annotations"]["list"]]
    return [
        (title, expr.replace("$__rate_interval", "1m").replace("$job", "logitd"))
        for title, expr in queries
    ]


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url):
    with _opener.open(url, timeout=PATIENCE_S) as answer:
        return answer.read().decode()


class Prometheus:
    """The HTTP API of a running one."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def api(self, path, **arguments):
        url = f"{self.base}/api/v1/{path}"
        if arguments:
            url += "?" + urllib.parse.urlencode(arguments)
        answer = json.loads(get(url))
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expr):
        return self.api("query", query=expr)["result"]


def wait_until(what, holds):
    """Asks until holds() is true; `what` may be a function that says why not."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            if holds():
                return
            why = ""
        except OSError as error:
            why = f" ({error})"
        if time.monotonic() > end:
            raise AssertionError(f"never: {what() if callable(what) else what}{why}")
        time.sleep(0.2)
