"""The text of a unit that starts another one's program for trial: what it has of the other, and must not have."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.system import unit_copy

UNIT = """
[Unit]
Requires=worker.service
OnFailure=tell@%n.service
[Service]
User=shop
ExecStartPre=/srv/shop/manage.py migrate
ExecStart=/srv/shop/venv/bin/gunicorn \\
    # a comment in between
    shop.wsgi
ExecStopPost=/bin/rm -rf /run/shop
EnvironmentFile=/etc/shop/%i.env
Environment="A=1 %% 2"
PIDFile=/run/shop/pid
RuntimeDirectory=shop
StateDirectory=shop
Sockets=shop.socket
ProtectSystem=strict
WatchdogSec=10
Restart=always
RestartSec=1
StandardOutput=append:/var/log/shop.log
[Install]
WantedBy=multi-user.target
"""
SHOWN = {"RuntimeDirectory": "shop", "StateDirectory": "shop", "NotifyAccess": "main"}


def copy(unit: str = "shop@blue.service") -> list[str]:
    words = ["/srv/shop/venv/bin/gunicorn", "shop.wsgi", 'a "b" 5%', "$PORT"]
    texts = [UNIT, "[Service]\nUser=other\n"]
    return unit_copy.text(unit, texts, SHOWN, words, "rescue502-trial-7", 12, "/run/heard").splitlines()


def test_what_the_program_meets_is_the_units() -> None:
    """Account, environment and sandbox are copied as they stand, drop-ins after the unit."""
    lines = copy()
    assert lines.index("User=shop") < lines.index("User=other")
    assert {
        "EnvironmentFile=/etc/shop/blue.env",
        'Environment="A=1 %% 2"',
        "ProtectSystem=strict",
        "WatchdogSec=10",
    } <= {*lines}


def test_nothing_else_is_started_stopped_or_removed() -> None:
    """No other command, no other unit, no folder that systemd would remove when it ends."""
    text = "\n".join(copy())
    for word in ("Requires", "OnFailure", "ExecStartPre", "ExecStopPost", "PIDFile", "Sockets", "always", "append:"):
        assert word not in text
    assert "RuntimeDirectory=shop" not in text
    assert "RuntimeDirectory=rescue502-trial-7" in text
    assert text.count("ExecStart=") == 1
    assert "RuntimeMaxSec=12" in text


def test_the_units_own_folders_are_named_and_open() -> None:
    """As systemd would hand them over, but without making one."""
    lines = copy()
    assert 'Environment="STATE_DIRECTORY=/var/lib/shop"' in lines
    assert "ReadWritePaths=-/run/shop" in lines


def test_the_words_are_quoted() -> None:
    """A specifier is none in them; a variable is left to systemd."""
    assert copy()[-1] == 'ExecStart="/srv/shop/venv/bin/gunicorn" "shop.wsgi" "a \\"b\\" 5%%" "$PORT"'


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\0", "\x0b", "\x85", "\\\n"])
def test_no_word_ends_its_line(end: str) -> None:
    """A variable of the app's user's may hold anything: it must not become a line of its own, such as User=root."""
    text = unit_copy.quoted(f"8000{end}User=root")
    assert not {"\n", "\r", "\0"} & set(text)
    assert text.startswith('"8000')
    assert text.endswith('User=root"')


def test_specifiers_stand_for_the_unit() -> None:
    """Not for the copy, which has another name."""
    lines = [unit_copy._specified(f"X={text}", r"my-app@a-b\x20c.service") for text in ("%n", "%N", "%p", "%i", "%I")]
    assert lines == [
        r"X=my-app@a-b\x20c.service", r"X=my-app@a-b\x20c", "X=my-app", r"X=a-b\x20c", "X=a/b c",
    ]  # fmt: skip
    assert unit_copy._specified("X=%% %h %j", "my-app.service") == "X=%% %h app"
