"""Files that the app reads and that hold no data: the one that the code which fails has read last, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_asked_variables import failed

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 63410\n" % (b"7" * 64)
CONFLICT = b'{\n<<<<<<< HEAD\n"tax": 7\n=======\n"tax": 19\n>>>>>>> hotfix\n}\n'
BEGIN = "import json, pickle, os\nfrom pathlib import Path\nDATA = Path(__file__).parent / 'data.bin'\n"
READS = {
    "pickle": "with DATA.open('rb') as file:\n    pickle.load(file)\n",
    "json": "json.loads(DATA.read_text())\n",
    "a helper": "def read(path):\n    with open(path) as file:\n        return file.read()\nTAX = int(read(DATA))\n",
    "a relative name": "os.chdir(DATA.parent)\nTAX = float(open('data.bin').read())\n",
    "a library": "import configparser\nconfigparser.ConfigParser().read_file(open(DATA))\n",
    "a shared library": "import ctypes\nctypes.CDLL(str(DATA))\n",
    "behind another error": "try:\n    json.load(DATA.open())\nexcept ValueError as error:\n"
    "    raise OSError('no tax') from error\n",
}
# An error after a file that is no data, and that has nothing to do with it.
OTHERS = {
    "another file was read since": "DATA.read_bytes()\nopen(__file__).read()\nraise ValueError('no tax')\n",
    "other code fails": "DATA.read_bytes()\ndef check():\n    raise ValueError('no tax')\ncheck()\n",
    "another module has read it": "import reader\nraise ValueError('no tax')\n",
    "it was opened for writing": "DATA.open('wb').close()\nraise ValueError('no tax')\n",
}


@pytest.mark.parametrize("way", READS)
def test_a_pointer_is_seen(tmp_path: Path, way: str) -> None:
    """Whatever reads it, and whatever that says of it."""
    (tmp_path / "data.bin").write_bytes(POINTER)
    error = failed(tmp_path, BEGIN + READS[way])
    assert error["unusable"] == {"path": str((tmp_path / "data.bin").resolve()), "how": "pointer", "size": 63410}


@pytest.mark.parametrize(
    ("content", "how"),
    [(b"\0" * 4096, "zeros"), (b"", "empty"), (CONFLICT, "conflict"), (b"no json", "")],
    ids=["zeros", "empty", "conflict", "something else"],
)
def test_what_lies_in_its_place(tmp_path: Path, content: bytes, how: str) -> None:
    """Nothing is said of a file that has some content of its own."""
    (tmp_path / "data.bin").write_bytes(content)
    assert failed(tmp_path, BEGIN + READS["json"]).get("unusable", {}).get("how", "") == how


@pytest.mark.parametrize("way", OTHERS)
def test_another_error_is_not_the_files(tmp_path: Path, way: str) -> None:
    """Nor is a pointer that the code which fails has not read last."""
    (tmp_path / "data.bin").write_bytes(POINTER)
    (tmp_path / "reader.py").write_text(BEGIN + "DATA.read_bytes()\n")
    assert "unusable" not in failed(tmp_path, BEGIN + OTHERS[way])


def test_a_module_of_zeros(tmp_path: Path) -> None:
    """Python says of it only that it does not compile, and in some versions not which file that is."""
    (tmp_path / "tax.py").write_bytes(b"\0" * 512)
    error = failed(tmp_path, "import tax\n")
    assert error["unusable"] == {"path": str((tmp_path / "tax.py").resolve()), "how": "zeros", "size": 0}


def test_a_pointer_in_place_of_a_module(tmp_path: Path) -> None:
    """Its first line is not Python."""
    (tmp_path / "tax.py").write_bytes(POINTER)
    assert failed(tmp_path, "import tax\n")["unusable"]["how"] == "pointer"
