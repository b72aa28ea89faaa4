"""What the app needs of the host and the host lacks: seen as the app looks for it, whatever is raised."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import script_host_needs
from test_asked_variables import failed

MAKESHIFT = """
import os
class UnknownTimeZoneError(KeyError): pass
"""
# What is lacking, and code that fails for it.
NEEDS = {
    "a locale": ("locale", "xx_XX.UTF-8", "import locale\nlocale.setlocale(locale.LC_TIME, 'xx_XX.UTF-8')"),
    "a locale in two parts": ("locale", "xx_XX.UTF-8", "import locale\nlocale.setlocale(0, ('xx_XX', 'UTF-8'))"),
    "the environment's locale": ("locale", "xx_YY.UTF-8", "import locale\nlocale.setlocale(locale.LC_ALL, '')"),
    "a time zone": ("time zone", "Africa/Atlantis", "import zoneinfo\nzoneinfo.ZoneInfo('Africa/Atlantis')"),
    "a time zone of pytz": ("time zone", "US/Atlantis", MAKESHIFT + "raise UnknownTimeZoneError('US/Atlantis')"),
    "Django's time zone": ("time zone", "US/Atlantis", "raise ValueError('Incorrect timezone setting: US/Atlantis')"),
    "a library": ("library", "libatlantis.so.1", "import ctypes\nctypes.CDLL('libatlantis.so.1')"),
    "a library that a package has looked for": (
        "library",
        "atlantis",
        "from ctypes.util import find_library\nif not find_library('atlantis'):\n"
        "    raise ImportError('failed to find libatlantis. Check your installation')",
    ),
    "a program": ("program", "atlantis", "import subprocess\nsubprocess.run(['atlantis', '-v'])"),
    "a program by its path": (
        "program",
        "/usr/bin/atlantis",
        "import subprocess\nsubprocess.run('/usr/bin/atlantis')",
    ),
    "a program that was looked for": (
        "program",
        "atlantis",
        "import shutil\nif not shutil.which('atlantis'):\n    raise RuntimeError('no Atlantis found')",
    ),
    "a file": ("file", "/etc/atlantis.conf", "open('/etc/atlantis.conf')"),
    "a file, by way of another error": (
        "file",
        "/etc/atlantis.conf",
        "try:\n    open('/etc/atlantis.conf')\nexcept OSError:\n    raise RuntimeError('not set up')",
    ),
}
# What fails so is the app's own.
OWN = {
    "a file of the app's": "open('atlantis.conf')",
    "a file of the app's, by its path": "import pathlib\nopen(pathlib.Path(__file__).parent / 'atlantis.conf')",
    "a log": "try:\n    open('/var/log/atlantis/a.log', 'a')\nexcept OSError as error:\n"
    "    raise ValueError(\"Unable to configure handler 'file'\") from error",
    "a key": "{}['No time zone']",
    "a value": "int('Incorrect')",
    "a folder to work in": "import subprocess\nsubprocess.run(['true'], cwd='nowhere')",
    "a program of the app's": "import subprocess\nsubprocess.run(['./atlantis'])",
    "another complaint": "import shutil\nshutil.which('atlantis')\nraise RuntimeError('no licence')",
}


@pytest.mark.parametrize("need", NEEDS)
def test_what_the_host_lacks_is_named(tmp_path: Path, need: str) -> None:
    """Its kind and name."""
    kind, name, code = NEEDS[need]
    error = failed(tmp_path, code, LC_ALL="xx_YY.UTF-8")
    assert error.get("lacks") == {"kind": kind, "name": name, "found": ""}, error


def test_a_program_may_be_where_the_path_does_not_lead(tmp_path: Path) -> None:
    """Then it is said where."""
    error = failed(tmp_path, "import subprocess\nsubprocess.run(['ls'])", PATH="/nowhere")
    assert error["lacks"]["found"] in ("/usr/bin/ls", "/bin/ls")


@pytest.mark.parametrize(
    ("kind", "name", "place"),
    [
        ("program", "atlantis", "/usr/local/bin/atlantis"),
        ("program", "/opt/atlantis/run", "/opt/atlantis/run"),
        ("library", "libatlantis.so.1", "/usr/lib/libatlantis.so.1"),
        ("time zone", "US/Atlantis", "/usr/share/zoneinfo/US/Atlantis"),
        ("locale", "xx_XX.UTF-8", "/usr/lib/locale/locale-archive"),
    ],
)
def test_what_is_kept_from_the_account_is_not_absent(
    monkeypatch: pytest.MonkeyPatch, kind: str, name: str, place: str
) -> None:
    """Its mode says no, or a folder on the way does; Python and the loader say only that there is none."""
    real = os.stat

    def stat(path: Any, *given: Any, **more: Any) -> os.stat_result:
        if str(path) == place:
            raise PermissionError(13, "Permission denied", path)
        return real(path, *given, **more)

    assert not script_host_needs.is_withheld(kind, name)
    monkeypatch.setattr(os, "stat", stat)
    assert script_host_needs.is_withheld(kind, name)


@pytest.mark.parametrize("fault", OWN)
def test_what_is_the_apps_own_is_not_the_hosts(tmp_path: Path, fault: str) -> None:
    """The host lacks nothing."""
    assert "lacks" not in failed(tmp_path, OWN[fault])
