"""The sudoers file: what it lets in, what it does not, and that no name smuggles in more."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from typer.testing import CliRunner

from rescue502.sudoers import SudoersError, Wanted, for_looking, for_recovery, for_repair_by_hand

MARK = "echo BECOME-SUCCESS-" + "abcdefghijklmnopqrstuvwxyzabcdef"


def commands(text: str) -> list[str]:
    """The patterns of the rule, the continued lines joined."""
    listed = text.partition("Cmnd_Alias")[2].partition("=")[2].partition("\n\n")[0].replace("\\\n", "")
    return [item.strip() for item in listed.partition("\n")[0].split(",")]


def lets(text: str, command: str) -> bool:
    """As sudo compares: the words joined by spaces, by fnmatch(3)."""
    return any(fnmatchcase(command, pattern) for pattern in commands(text))


@pytest.mark.parametrize(
    ("command", "allowed"),
    [
        (f"/bin/sh -c {MARK} ; /usr/bin/python3", True),
        (f"/bin/sh -c {MARK} ; /usr/bin/python3.9", True),
        (f"/bin/sh -c {MARK} ; /usr/bin/python3.11", True),
        (f"/bin/sh -c {MARK} ; TMPDIR=/dev/shm /usr/bin/python3.11", True),
        (f"/bin/sh -c {MARK} ; /usr/bin/python3 -c pass", False),
        (f"/bin/sh -c {MARK} ; id", False),
        (f"/bin/sh -c {MARK[:-1]} ; /usr/bin/python3", False),
        ("/bin/sh", False),
        ("/bin/bash", False),
        ("/usr/bin/python3", False),
    ],
)
def test_what_ansible_starts_is_let_in_and_nothing_else(command: str, allowed: bool) -> None:
    """The form that Ansible's sudo plugin gives a command; other commands of a session are not."""
    assert lets(for_recovery(Wanted("deploy")), command) == allowed


def test_the_form_is_ansibles_own() -> None:
    """The rule was written for what this very version of Ansible builds."""
    from ansible.plugins.loader import become_loader, shell_loader

    plugin = become_loader.get("sudo")
    plugin.set_options(direct={"become_user": "root", "become_flags": "-H -S -n"})
    shell = shell_loader.get("sh")
    shell.executable = "/bin/sh"
    built = plugin.build_become_command("/usr/bin/python3.11", shell)
    command, quoted = re.fullmatch(r"sudo -H -S -n +-u root (/bin/sh -c) '(.*)'", built).groups()  # type: ignore[union-attr]
    assert lets(for_recovery(Wanted("deploy")), f"{command} {quoted}")


def test_it_says_what_it_gives_away() -> None:
    """Equal to root, and that to look nothing is needed."""
    text = for_recovery(Wanted("deploy"))
    assert "everything" in text
    assert "NOPASSWD" not in text
    assert "(root) NOPASSWD: RESCUE502_DEPLOY" in for_recovery(Wanted("deploy", password=False))
    assert "deploy api1, api2 = (root" in for_recovery(Wanted("deploy", ("api1", "api2")))
    assert all(line.startswith("#") for line in for_looking("deploy").splitlines())


def test_commands_by_hand_are_spelled_out() -> None:
    """No pattern in them, no pager, and the two files' names do not meet."""
    text = for_repair_by_hand(Wanted("deploy"), "shop", "postgresql")
    assert "/bin/systemctl restart shop.service" in commands(text)
    assert "/bin/systemctl start postgresql.service" in commands(text)
    assert not any(set("*?[") & set(command) for command in commands(text))
    assert not any("journalctl" in command or "status" in command for command in commands(text))
    assert "RESCUE502_DEPLOY_BY_HAND" in text


@pytest.mark.parametrize("name", ["ALL", "%wheel", "deploy ALL", "deploy,root", "", "deploy\n", "#0", "a" * 40])
def test_a_name_adds_nothing(name: str) -> None:
    """What has a meaning of its own in the file is refused."""
    with pytest.raises(SudoersError):
        Wanted(name)
    with pytest.raises(SudoersError):
        for_looking(name)


@pytest.mark.parametrize("unit", ["shop.service, ALL", "shop*", "a b", "!x"])
def test_a_unit_adds_nothing(unit: str) -> None:
    with pytest.raises(SudoersError):
        for_repair_by_hand(Wanted("deploy"), unit)
    with pytest.raises(SudoersError):
        Wanted("deploy", (unit,))


def test_on_the_command_line() -> None:
    """Printed as it is, or an error in one line."""
    from rescue502.cli import app

    run = CliRunner().invoke
    assert run(app, ["sudoers", "--user", "deploy"]).stdout == for_recovery(Wanted("deploy"))
    assert run(app, ["sudoers", "--user", "deploy", "--for", "diagnose"]).stdout == for_looking("deploy")
    assert run(app, ["sudoers", "--user", "ALL"]).exit_code == 1
    assert run(app, ["sudoers", "--user", "deploy", "--for", "by-hand"]).exit_code == 1
    assert run(app, ["sudoers", "--user", "deploy", "--for", "fun"]).exit_code == 1
