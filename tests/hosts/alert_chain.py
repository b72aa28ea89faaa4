"""The real parts of the way from a fault to its repair: Debian's exporters and Alertmanager, and ansible-rulebook."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab.site import Site

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "alerts"
SAMPLES = ROOT / "docs" / "examples" / "alerts"
PACKAGES = ("prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter")
# The samples' own, and what listens there once a part is up.
PORTS = {"blackbox": 9115, "alertmanager": 9093, "prometheus": 9090, "rulebook": 5502}
TOKEN = "a-token-of-this-test"
# Alertmanager reads its templates from where its package has them: there they are, for it alone.
_SHARE = f"mount -t overlay overlay -o lowerdir={CACHE}/root/usr/share:/usr/share /usr/share"
AS_INSTALLED = ("unshare", "--mount", "sh", "-c", f'{_SHARE} && exec "$@"', "sh")


def fetch() -> None:
    """Debian's packages, unpacked, and ansible-rulebook in an environment of its own; once."""
    made = CACHE / "made"
    if made.exists():
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "-q", "download", *PACKAGES], cwd=CACHE, check=True, capture_output=True)
    for package in CACHE.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(CACHE / "root")], check=True)
    subprocess.run([sys.executable, "-m", "venv", str(CACHE / "venv")], check=True)
    pip = [str(CACHE / "venv/bin/pip"), "install", "-q", "ansible-rulebook", "ansible-core"]
    subprocess.run(pip, check=True, capture_output=True)
    made.touch()


@dataclass
class Chain:
    """All parts at work for one site. folder: for their configuration, which is that of the samples, and their logs."""

    site: Site
    folder: Path
    _parts: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def up(self) -> Chain:
        """Start each part and wait until it listens."""
        self._configure()
        program = CACHE / "root/usr/bin"
        self._start("blackbox", [program / "prometheus-blackbox-exporter", "--config.file=blackbox.yml"])
        storage = [f"--storage.path={self.folder}/alerts", "--cluster.listen-address="]
        manager = [program / "prometheus-alertmanager", "--config.file=alertmanager.yml", *storage]
        self._start(
            "alertmanager", [*AS_INSTALLED, *manager, f"--web.listen-address=127.0.0.1:{PORTS['alertmanager']}"]
        )
        storage = [f"--storage.tsdb.path={self.folder}/series"]
        self._start("prometheus", [program / "prometheus", "--config.file=prometheus.yml", *storage])
        variables = self.folder / "vars.yml"
        variables.write_text(yaml.safe_dump({"rescue502_reports": str(self.folder / "reports")}), encoding="utf-8")
        words = ["-i", self.site.inventory(), "--vars", variables]
        self._start("rulebook", [*rulebook("alertmanager"), *words])
        return self

    def down(self) -> None:
        """End all parts."""
        for part in self._parts:
            part.terminate()
        for part in self._parts:
            part.wait(30)

    def log(self, name: str) -> str:
        """What a part has printed so far."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def _configure(self) -> None:
        files: dict[str, Any] = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in SAMPLES.glob("*.yml")}
        shape, address = self.site.shape, self.site.host.address()
        (job,) = files["prometheus.yml"]["scrape_configs"]
        targets = [f"http://{address}{path}" for path in ("/health/", shape.api_path)]
        job["static_configs"] = [{"targets": targets, "labels": {"host": self.site.host.name}}]
        web = files["blackbox.yml"]["modules"]["django_site"]["http"]
        web["headers"] = {"Origin": shape.origin, "Host": shape.server_name}
        web["fail_if_header_not_matches"][0]["regexp"] = shape.origin
        (hook,) = files["alertmanager.yml"]["receivers"][0]["webhook_configs"]
        hook["http_config"]["authorization"]["credentials_file"] = str(self.folder / "token")
        (self.folder / "token").write_text(TOKEN, encoding="utf-8")
        for name, content in files.items():
            (self.folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")

    def _start(self, name: str, command: list[Any]) -> None:
        self._parts.append(begin(name, command, self.folder))


def rulebook(name: str) -> list[Any]:
    """The command that starts one of ours, from the collection."""
    return [CACHE / "venv/bin/ansible-rulebook", "-r", f"rescue502.django.{name}", "-E", "RESCUE502_EDA_TOKEN"]


def begin(name: str, command: list[Any], folder: Path) -> subprocess.Popen[bytes]:
    """Start a part, with a log in the folder, and wait until it listens on its port."""
    path = f"{CACHE / 'venv/bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "RESCUE502_EDA_TOKEN": TOKEN, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    with (folder / f"{name}.log").open("wb") as log:
        part = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=os.environ | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    wait_until(lambda: answers(PORTS[name]) or part.poll() is not None, 120)
    assert part.poll() is None, (folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
    return part


def answers(port: int) -> bool:
    """Whether a web server listens there, whatever it answers."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def wait_until(true: Callable[[], bool], seconds: float) -> float:
    """Seconds until something was so; fails the test where that takes longer than so many."""
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < seconds, "what was waited for never came"
        time.sleep(0.2)
    return time.monotonic() - begun
