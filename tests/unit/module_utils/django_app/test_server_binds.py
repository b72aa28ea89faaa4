"""Where gunicorn's own configuration has it listen, asked of the installed gunicorn in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_server_binds

pytest.importorskip("gunicorn")
SOURCE = Path(script_server_binds.__file__).read_text(encoding="utf-8")
ASK = "\nimport json\nprint(json.dumps(ask_binds(json.loads(sys.argv[1]))))\n"
COMPUTED = """
from pathlib import Path
HERE = Path(__file__).resolve().parent
bind = [f"unix:{HERE}/run/app.sock", "[::1]:8001", "0.0.0.0:8002"]
"""


def asked(folder: Path, *words: str, **changed: Any) -> dict[str, Any]:
    """What is found for a command line, in that working folder."""
    plan = {"argv": ["/venv/bin/gunicorn", *words], "asks_binds": True, "unwell": True, **changed}
    done = subprocess.run(
        [sys.executable, "-c", SOURCE + ASK, json.dumps(plan)], cwd=folder, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_file_that_computes_them(tmp_path: Path) -> None:
    """As gunicorn has parsed them; the app itself is not loaded."""
    (tmp_path / "gunicorn.conf.py").write_text(COMPUTED)
    (tmp_path / "shop.py").write_text("raise SystemExit('the app was loaded')\n")
    path = str(tmp_path.resolve() / "run" / "app.sock")
    assert asked(tmp_path, "--workers", "3", "shop:application")["addresses"] == [
        {"kind": "unix", "host": "", "port": 0, "path": path},
        {"kind": "tcp", "host": "::1", "port": 8001, "path": ""},
        {"kind": "tcp", "host": "0.0.0.0", "port": 8002, "path": ""},
    ]
    assert asked(tmp_path, "--bind", "127.0.0.1:9", "shop:application")["addresses"][0]["port"] == 9


def test_what_is_not_asked_or_does_not_say(tmp_path: Path) -> None:
    """Of a site that is well nothing is run; a file that fails leaves it unknown."""
    (tmp_path / "gunicorn.conf.py").write_text(COMPUTED)
    for changed in ({"unwell": False}, {"asks_binds": False}, {"argv": ["uvicorn", "shop:app"]}):
        assert asked(tmp_path, "shop:application", **changed) == {}
    assert asked(tmp_path, "--bind", "$ADDRESS_502", "shop:application") == {}
    for text in ("raise RuntimeError('no')", "import sys\nsys.exit(3)", "bind = 'no:port'"):
        (tmp_path / "gunicorn.conf.py").write_text(text + "\n")
        assert asked(tmp_path, "shop:application") == {}


def test_a_file_that_computes_which_app_is_loaded(tmp_path: Path) -> None:
    """gunicorn itself says so, and does not load it; what it refuses stays unknown."""
    (tmp_path / "gunicorn.conf.py").write_text("name = 'shop'\nwsgi_app = f'{name}.wsgi:application'\n")
    ask = "\nimport json\nprint(json.dumps(ask_app({'unwell': True, 'argv': sys.argv[1:]})))\n"

    def app(*words: str) -> Any:
        line = [sys.executable, "-c", SOURCE + ask, *words]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    assert app("/venv/bin/gunicorn", "--workers", "3") == "shop.wsgi:application"
    assert app("/venv/bin/gunicorn", "--no-such-option") == ""
    assert app("/usr/bin/uwsgi") == ""


def test_the_kind_of_worker_that_cannot_be_imported(tmp_path: Path) -> None:
    """What keeps it from being imported is raised, and not gunicorn's words for it."""
    (tmp_path / "kinds.py").write_text("import gone_with_the_copy\n")
    plan = "{'server': 'gunicorn', 'unwell': True, 'argv': sys.argv[1:]}"
    ask = f"\nsys.path.insert(0, '')\nload_worker({plan})\nprint('loaded')\n"

    def said(*words: str) -> str:
        line = [sys.executable, "-c", SOURCE + ask, "/venv/bin/gunicorn", *words]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).splitlines()[-1]

    assert said("shop") == "loaded"
    assert said("-k", "gthread", "shop") == "loaded"
    assert said("-k", "egg:gunicorn#sync", "shop") == "loaded"
    assert said("-k", "kinds.Worker", "shop") == "ModuleNotFoundError: No module named 'gone_with_the_copy'"
