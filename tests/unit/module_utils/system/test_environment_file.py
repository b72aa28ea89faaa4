"""An EnvironmentFile is read as systemd reads it: compared with what systemd 252 made of each of these lines."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.system import environment_file

# A line of a file, and the value that a process of systemd's had.
SEEN = {
    r"A=ab\cd": "abcd",
    r'A="ab\cd"': r"ab\cd",
    r"A='ab\cd'": r"ab\cd",
    "A=value # comment": "value # comment",
    'A="value" # comment': "value# comment",
    "A=${HOME}/x": "${HOME}/x",
    'A=ab"cd"': 'ab"cd"',
    'A="ab"cd': "abcd",
    "A=a b  c  ": "a b  c",
    "A=a%hb": "a%hb",
    "A=ab\\\ncd": "abcd",
    'A="two\nlines"': "two\nlines",
    "A = spaced": "spaced",
    "A='it''s'": "its",
    r'A="a\$b\`c\"d\\e"': r'a$b`c"d\e',
    "A=x#y": "x#y",
    "A=abc;def": "abc;def",
    "A='open\nB=closed\n": "open\nB=closed\n",
    "A=1\r\n": "1",
    "A=": "",
    "A=first\nA=second": "second",
    "A=kept\n# comment \\\nA=in the comment": "kept",
}


@pytest.mark.parametrize("text", SEEN)
def test_each_value_is_systemds(text: str) -> None:
    """Quotes, backslashes, comments and blanks."""
    assert environment_file.parse(text)["A"] == SEEN[text]


def test_a_hostile_file_takes_no_time() -> None:
    """The app's user may write it."""
    for part in ("\\", '"', "'", "# ", "a", " ", "=", "a=\\\n"):
        assert isinstance(environment_file.parse(part * 200_000), dict)
        assert isinstance(environment_file.parse("A=" + part * 200_000), dict)
