#!/usr/bin/env python3
"""A real Prometheus scrapes two logitd under load, with fifty clients on each
admin port that send a byte a second: all targets are up, each metric of the
catalogue is there, each rule evaluates, each query of the dashboard answers."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from observed import (
    ALERTS,
    BIN,
    ROOT,
    RULES,
    Prometheus,
    catalogue,
    dashboard_queries,
    get,
    need,
    text_of,
    rule_names,
    wait_until,
)

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}", "{alerts}"]
scrape_configs:
  - job_name: logitd
    static_configs: [{{targets: [{targets}]}}]
"""
SLOW_CLIENTS = 50
# Queries that answer nothing when all is well.
EMPTY_WHEN_WELL = {"Parts that are not well", "Errors by code", "restarts"}


class Child:
    """A process of ours; its output goes to a file. Ends with the test."""

    all = []

    def __init__(self, name, folder, *command):
        self.name = name
        self.output = os.path.join(folder, name + ".log")
        with open(self.output, "wb") as file:
            self.process = subprocess.Popen(
                command, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT
            )
        Child.all.append(self)

    def text(self):
        with open(self.output, encoding="utf-8", errors="replace") as file:
            return file.read()

    def running(self):
        return self.process.poll() is None

    def stop(self):
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Logitd(Child):
    def __init__(self, name, folder):
        self.target = f"unix:{folder}/{name}.sock"
        self.port_file = os.path.join(folder, name + ".port")
        super().__init__(
            name,
            folder,
            os.path.join(BIN, "logitd"),
            *("--listen", self.target, "--admin_http", "127.0.0.1:0"),
            *("--admin_http_port_file", self.port_file),
            *("--profile_dir", "deploy/profiles", "--metrics_share", "1"),
            *("--log_level", "debug"),
        )

    def port(self):
        wait_until(
            lambda: f"{self.name} does not start: {self.text()}",
            lambda: os.path.exists(self.port_file),
        )
        with open(self.port_file, encoding="utf-8") as file:
            return int(file.read())


class Background(threading.Thread):
    """Does `work(self)` again and again until the test ends."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.work = work
        self.start()

    def run(self):
        while not self.over.is_set():
            self.work(self)


def drip(port):
    """A client that sends a request a byte a second, and begins again when it
    is cut."""

    def work(thread):
        try:
            with socket.create_connection(("127.0.0.1", port), 120) as client:
                while not thread.over.wait(1):
                    client.sendall(b"G")
        except OSError:
            thread.over.wait(0.1)

    return Background(work)


def load(servers, model):
    """Texts of every profile, by turns from each server."""

    def work(thread):
        for profile in ("balanced", "greedy", "code", "creative"):
            for server in servers:
                if thread.over.is_set():
                    return
                subprocess.run(
                    [
                        os.path.join(BIN, "logitctl"),
                        *("generate", "--target", server.target, "--quiet"),
                        *("--profile", profile, "--n", "8", "--max-tokens", "30"),
                    ],
                    env={**os.environ, "LOGITD_DEMO_MODEL": model},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    check=False,
                )

    return Background(work)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start_prometheus(folder, ports):
    config = os.path.join(folder, "prometheus.yml")
    targets = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(rules=RULES, alerts=ALERTS, targets=targets))
    # Somebody may take a free port before Prometheus does.
    for attempt in range(5):
        port = free_port()
        child = Child(
            f"prometheus{attempt}",
            folder,
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder}/data{attempt}",
            f"--web.listen-address=127.0.0.1:{port}",
        )
        prometheus = Prometheus(port)
        wait_until(
            lambda: f"Prometheus does not start: {child.text()}",
            lambda: not child.running() or get(prometheus.base + "/-/ready"),
        )
        if child.running():
            return prometheus
    raise AssertionError(f"Prometheus does not start: {child.text()}")


def missing_metrics(prometheus):
    missing = []
    for name, kind in catalogue().items():
        series = name + "_count" if kind == "histogram" else name
        if not prometheus.query(f'count({series}{{job="logitd"}})'):
            missing.append(name)
    return missing


def check_rules(prometheus):
    """Each is healthy and every recording rule has a series."""

    def unhealthy():
        groups = prometheus.api("rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        names = rule_names("record", text_of(RULES))
        assert {rule["name"] for rule in rules if rule["type"] == "recording"} == set(
            names
        )
        return [
            f"{rule['name']}: {rule['health']} {rule.get('lastError', '')}"
            for rule in rules
            if rule["health"] != "ok"
        ] + [f"{name}: no series" for name in names if not prometheus.query(name)]

    wait_until(lambda: f"rules are well: {unhealthy()}", lambda: not unhealthy())
    firing = prometheus.query('ALERTS{alertstate="firing"}')
    assert not firing, f"alerts fire while all is well: {firing}"


def check_dashboard(prometheus):
    def unanswered():
        return [
            f"{title}: {expr}"
            for title, expr in dashboard_queries()
            if not prometheus.query(expr) and title not in EMPTY_WHEN_WELL
        ]

    wait_until(lambda: f"queries answer: {unanswered()}", lambda: not unanswered())


def check_lint(port):
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=get(f"http://127.0.0.1:{port}/metrics"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def check_log(server):
    messages = set()
    for line in server.text().splitlines():
        fields = json.loads(line)
        assert {"ts", "level", "msg"} <= set(fields), line
        assert not {"token", "tokens", "logits"} & set(fields), line
        messages.add(fields["msg"])
    assert {"serving", "call began", "call ended", "stopped"} <= messages, messages


def run(folder):
    servers = [Logitd("a", folder), Logitd("b", folder)]
    model = f"unix:{folder}/model.sock"
    Child("model", folder, os.path.join(BIN, "logitd-demo-model"), "--listen", model)
    ports = [server.port() for server in servers]
    threads = [drip(port) for port in ports for _ in range(SLOW_CLIENTS)]
    prometheus = start_prometheus(folder, ports)
    threads.append(load(servers, model))
    print("Prometheus scrapes", ports)

    wait_until(
        lambda: f"both targets are up: {prometheus.query('up')}",
        lambda: [s["value"][1] for s in prometheus.query("up")] == ["1", "1"],
    )
    wait_until(
        lambda: f"all metrics are there, not {missing_metrics(prometheus)}",
        lambda: not missing_metrics(prometheus),
    )
    wait_until(
        "both count tokens",
        lambda: len(prometheus.query('logitd_tokens_total{kind="sampled"} > 100')) == 2,
    )
    check_rules(prometheus)
    check_dashboard(prometheus)
    check_lint(ports[0])
    for thread in threads:
        thread.over.set()
    threads[-1].join(120)
    for server in servers:
        assert server.stop() == 0, server.text()
        check_log(server)


def main():
    need("prometheus", "promtool")
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="logitd-prometheus-") as folder:
        try:
            run(folder)
        finally:
            for child in Child.all:
                child.stop()
    print(f"all seen, in {time.monotonic() - begin:.0f} s")
    return 0


sys.exit(main())
