"""Where a Python process was, read of what a real interpreter wrote: as it crashed, or did not come to an end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import hang_location

CRASH = """import ctypes, faulthandler, sys
faulthandler.enable(sys.stdout, all_threads=False)
print('{"step": "server"}', flush=True)
import app
"""
WAIT = """import faulthandler, os, sys, threading
faulthandler.dump_traceback_later(0.1, repeat=True, file=sys.stdout)
threading.Timer(0.35, os._exit, [0]).start()
import app
"""


def run(folder: Path, script: str, app: str) -> list[str]:
    """What the interpreter wrote, with the app's module in its folder."""
    (folder / "app.py").write_text(app, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout.splitlines()


def test_a_crash_is_found(tmp_path: Path) -> None:
    """In the library that crashed, and in the app's own line that led there."""
    reported = run(tmp_path, CRASH, "import ctypes\n\nctypes.string_at(0)\n")
    found = hang_location.place(reported, str(tmp_path), str(tmp_path / "venv"), at_least=1)
    assert found["file"].endswith("ctypes/__init__.py")
    assert (found["own_file"], found["own_line"]) == (str(tmp_path / "app.py"), 3)


def test_who_waits_is_in_the_same_line_each_time(tmp_path: Path) -> None:
    """Another thread is not taken for it."""
    reported = run(tmp_path, WAIT, "import time\n\ntime.sleep(60)\n")
    found = hang_location.place(reported, str(tmp_path), "", at_least=2)
    assert (found["own_file"], found["own_line"]) == (str(tmp_path / "app.py"), 3)


def test_who_only_takes_long_is_nowhere(tmp_path: Path) -> None:
    """It is somewhere else each time."""
    slow = "import time\n\ntime.sleep(0.15)\n" + "time.sleep(0.02)\n" * 100
    reported = run(tmp_path, WAIT, slow)
    assert hang_location.place(reported, str(tmp_path), "", at_least=2) == hang_location.NOWHERE


@pytest.mark.parametrize(
    "reported", [[], ["Timeout (0:00:01)!", "Stack (most recent call first):"], ['  File "/srv/x.py", line 1 in f'] * 3]
)
def test_what_is_not_a_stack_shows_nothing(reported: list[str]) -> None:
    """Such as an app's own words on the same pipe."""
    assert hang_location.place(reported, "/srv", "", at_least=1) == hang_location.NOWHERE


def stack(*frames: str) -> list[str]:
    """A look at a stack, its frames the innermost first: `file line function`."""
    words = [frame.split() for frame in frames]
    return ["Timeout (0:00:04)!", "Thread 0x7 (most recent call first):"] + [
        f'  File "{file}", line {line} in {function}' for file, line, function in words
    ]


LIBRARY = ("/usr/lib/python3/handler.py 5 inner", "/srv/app/venv/django/base.py 9 respond")


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        # An expression: the same line twice, in C.
        (("/srv/app/a.py 7 check", *LIBRARY), ("/srv/app/a.py 7 check", *LIBRARY), ("/srv/app/a.py", 7, "check")),
        # A loop: another line of the same function, with and without a library below.
        (("/srv/app/a.py 7 total", *LIBRARY), ("/srv/app/a.py 8 total", *LIBRARY), ("/srv/app/a.py", 8, "total")),
        (
            ("/usr/lib/python3/json.py 3 scan", "/srv/app/a.py 7 total", "/srv/app/m.py 2 call", *LIBRARY),
            ("/srv/app/b.py 3 helper", "/srv/app/a.py 8 total", "/srv/app/m.py 2 call", *LIBRARY),
            ("/srv/app/a.py", 8, "total"),
        ),
        # What it calls differs: their caller is what both are in.
        (
            ("/srv/app/a.py 7 one", "/srv/app/m.py 2 call", *LIBRARY),
            ("/srv/app/a.py 9 two", "/srv/app/m.py 2 call", *LIBRARY),
            ("/srv/app/m.py", 2, "call"),
        ),
        # Nothing of the app's own, or of a virtual environment within it.
        (LIBRARY, LIBRARY, None),
    ],
)
def test_where_a_request_works(
    first: tuple[str, ...], second: tuple[str, ...], found: tuple[str, int, str] | None
) -> None:
    """The innermost function of the app's own that both looks are in."""
    place = hang_location.working_in([*stack(*first), *stack(*second)], "/srv/app", "/srv/app/venv")
    assert place == ({} if found is None else dict(zip(("file", "line", "function"), found, strict=True)))
    assert hang_location.working_in(stack(*first), "/srv/app", "/srv/app/venv") == {}
