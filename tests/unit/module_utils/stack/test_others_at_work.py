"""Who is at work on the app: asked of the kernel, with processes that really do what is looked for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.run.state_directory import INCIDENT
from ansible_collections.rescue502.django.plugins.module_utils.stack import others_at_work
from ansible_collections.rescue502.django.plugins.module_utils.system import processes, systemd

# Does something, says so, and stays until its standard input ends.
STAY = "{}\nimport sys; print('ready', flush=True); sys.stdin.read()"
LOCK = "import fcntl; kept = open({!r}, 'w'); fcntl.lockf(kept, fcntl.LOCK_EX)"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> others_at_work.App:
    """An app's folder, a checkout, with an environment in it; of this machine's processes the test's own count."""
    all_of_them = processes.pids
    own = lambda: [pid for pid in all_of_them() if processes.parent(pid) == os.getpid()]  # noqa: E731
    monkeypatch.setattr(processes, "pids", own)
    monkeypatch.setattr(others_at_work, "PACKAGE_LOCKS", (str(tmp_path / "lock"),))
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    (tmp_path / "shop" / "venv" / "lib").mkdir(parents=True)
    return others_at_work.App(str(tmp_path / "shop"), str(tmp_path / "shop" / "venv"))


@contextmanager
def process(code: str, folder: str = "/", name: str = "", variables: dict[str, str] | None = None) -> Iterator[int]:
    """A process of Python's that runs this code, in this folder; name: a script's, with the words behind it."""
    script, *words = name.split() or [""]
    argv = [sys.executable, "-c", STAY.format(code)]
    if script:
        path = Path(folder) / script
        path.write_text(STAY.format(code), encoding="utf-8")
        argv = [sys.executable, str(path), *words]
    environment = {key: value for key, value in os.environ.items() if key != INCIDENT} | (variables or {})
    with subprocess.Popen(
        argv, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == b"ready\n"
        try:
            yield started.pid
        finally:
            started.kill()


def found(app: others_at_work.App) -> list[tuple[str, int]]:
    """What is at work, and which process."""
    return [(item["what"], item["pid"]) for item in others_at_work.find(app)]


def test_an_installation_in_the_apps_folder(app: others_at_work.App, tmp_path: Path) -> None:
    """By where it stands; the same elsewhere, and rescue502's own, are not it."""
    with process("", app.root, "pip install x") as pid:
        assert found(app) == [("pip install", pid)]
    with process("", str(tmp_path), "pip install x"):
        assert found(app) == []
    with process("", app.root, "pip install x", {INCIDENT: "a-run"}):
        assert found(app) == []
    with process("", app.root, "pip list"):
        assert found(app) == []


def test_one_that_names_the_apps_folder(app: others_at_work.App, tmp_path: Path) -> None:
    """Or one above it; what copies from it to elsewhere changes nothing in it."""
    with process("", str(tmp_path), f"rsync -a /srv/release/ {app.root}/") as pid:
        assert found(app) == [("rsync", pid)]
    with process("", str(tmp_path), f"chown -R shop {tmp_path}") as pid:
        assert found(app) == [("chown", pid)]
    with process("", str(tmp_path), f"rsync -a {app.root}/ /srv/backup/"):
        assert found(app) == []
    with process("", app.root, "rsync -a ./ /srv/backup/"):
        assert found(app) == []


def test_whoever_writes_into_the_environment(app: others_at_work.App) -> None:
    """Whatever it is called. Who reads there, or writes a log next to it, is not waited for."""
    for name, mode, seen in (("venv/lib/x", "w", True), (".git/x", "w", True), ("shop.py", "a", True),
                             ("venv/lib/x", "r", False), ("worker.log", "a", False)):  # fmt: skip
        with process(f"kept = open({os.path.join(app.root, name)!r}, {mode!r})") as pid:
            assert [item["pid"] for item in others_at_work.find(app)] == ([pid] if seen else []), (name, mode)


def test_the_package_manager(app: others_at_work.App, tmp_path: Path) -> None:
    """Who holds its lock, asked of the kernel; the file alone shows nothing."""
    (tmp_path / "lock").touch()
    assert found(app) == []
    with process(LOCK.format(str(tmp_path / "lock"))) as pid:
        assert [item["pid"] for item in others_at_work.find(app)] == [pid]


def test_a_lock_of_gits(app: others_at_work.App) -> None:
    """While it is young; where a process is seen, that is named in its place."""
    lock = Path(app.root) / ".git" / "index.lock"
    lock.touch()
    assert found(app) == [("git", 0)]
    with process("", app.root, "git pull") as pid:
        assert found(app) == [("git pull", pid)]
    os.utime(lock, (time.time() - 2 * others_at_work.LOCK_SECONDS,) * 2)
    assert found(app) == []


def test_it_is_waited_for(app: others_at_work.App) -> None:
    """For as long as is allowed, and no longer than it lasts."""
    lock = Path(app.root) / ".git" / "index.lock"
    assert others_at_work.wait(app, 30)[0] == []
    lock.touch()
    who, waited = others_at_work.wait(app, 0.2)
    assert (len(who), waited >= 0.2) == (1, True)


def test_a_copy_of_a_stopped_servers_data(app: others_at_work.App, tmp_path: Path) -> None:
    """It matters where the server is about to be started; what reads a running one's, or a log, spoils nothing."""
    folder = tmp_path / "main"
    for name in ("PG_VERSION", "global/pg_control", "base/1/1259", "log/today"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("15\n")
    starts = replace(app, starts=("database", "app"))
    reading = f"kept = open({str(folder / 'base/1/1259')!r})"
    with process(reading, str(tmp_path), "backup.py") as pid:
        assert (found(starts), found(app)) == ([("backup.py", pid)], [])
        (folder / "postmaster.pid").write_text(f"{pid}\n{folder}\n")
        assert found(starts) == [("backup.py", pid)], "left over: no server stands in the folder"
    with process("", str(folder), "server.py") as server, process(reading, str(tmp_path), "backup.py"):
        (folder / "postmaster.pid").write_text(f"{server}\n{folder}\n")
        assert found(starts) == []
    (folder / "postmaster.pid").unlink()
    with process(f"kept = open({str(folder / 'log/today')!r})", str(tmp_path), "follow.py"):
        assert found(starts) == []


def test_a_copy_of_a_stopped_app(app: others_at_work.App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a program that copies, where somebody has stopped the unit, and it is about to be started."""
    stopped = replace(app, unit="shop.service", starts=("app",))
    shown = {"ActiveState": "inactive", "Result": "success"}
    monkeypatch.setattr(systemd, "show_many", lambda *_words: [shown])
    with process("", str(tmp_path), f"tar cf - {app.root}") as pid:
        assert (found(stopped), found(replace(stopped, starts=()))) == ([("tar", pid)], [])
        shown["Result"] = "signal"
        assert found(stopped) == []
        shown["Result"] = "success"
    with process("", str(tmp_path), "tar cf - /srv/another"):
        assert found(stopped) == []
    with process(f"kept = open({os.path.join(app.root, 'x')!r}, 'w')", str(tmp_path), "worker.py"):
        assert found(stopped) == [], "a name that copies nothing"
