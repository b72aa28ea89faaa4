"""Programs that the app runs while it is loaded, and that fail: what they say is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_asked_variables import failed

SAYS = "import subprocess\nCOMMAND = ['sh', '-c', 'echo first >&2; echo no such rates >&2; exit 3']\n"
# How the program is run, and what of its words is known.
RUNS = {
    "its errors go where the app's go": (SAYS + "subprocess.run(COMMAND, check=True)", "no such rates"),
    "its output is taken": (SAYS + "subprocess.check_output(COMMAND, text=True)", "no such rates"),
    "all is taken": (SAYS + "subprocess.run(COMMAND, check=True, capture_output=True)", "no such rates"),
    "behind another error": (
        SAYS + "try:\n    subprocess.check_call(COMMAND)\nexcept Exception:\n    raise RuntimeError('no rates')",
        "no such rates",
    ),
    "after others that went well": (
        SAYS + "for number in range(9):\n    subprocess.run(['sh', '-c', f'echo {number} >&2'])\n"
        "subprocess.check_call(COMMAND)",
        "no such rates",
    ),
    "its errors are thrown away": (SAYS + "subprocess.check_call(COMMAND, stderr=subprocess.DEVNULL)", ""),
}


@pytest.mark.parametrize("way", RUNS)
def test_what_it_said_is_kept(tmp_path: Path, way: str) -> None:
    """Without its arguments, in which a password may be."""
    source, said = RUNS[way]
    error = failed(tmp_path, source)
    assert error["program"] == {"name": "sh", "status": 3, "said": said}


def test_a_line_for_the_shell(tmp_path: Path) -> None:
    """Its first word is the program."""
    error = failed(tmp_path, "import subprocess\nsubprocess.check_call('false --password hunter22', shell=True)")
    assert error["program"] == {"name": "false", "status": 1, "said": ""}


def test_other_errors_are_of_no_program(tmp_path: Path) -> None:
    """Even where one has failed before, and the app did not mind."""
    error = failed(tmp_path, SAYS + "subprocess.run(COMMAND)\nraise ValueError('no rates')")
    assert "program" not in error
