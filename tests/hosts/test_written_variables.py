"""A variable that systemd reads otherwise than it is written: named where that is the fault, and nowhere else."""

from __future__ import annotations

import json

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.system import environment_file
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import diagnose

from lab import look
from lab.site import Site, differences, named

CATALOGUE = load()
WRITTEN, WRONG = "environment/not-as-written", "database/wrong-password"
# Bash: the host as it was, whatever the last way has done to it.
KEEP = """
mkdir /root/kept; cp -a $ROOT /root/kept/root; cp -a $ENV_FILE /root/kept/env; cp -a $UNIT_FILE /root/kept/unit
sql -Atc "SELECT rolpassword FROM pg_authid WHERE rolname = '$DATABASE_USER'" > /root/kept/role
"""
BACK = """
stop_app; systemctl reset-failed $UNIT || true; rm -rf $ROOT $UNIT_FILE.d
cp -a /root/kept/root $ROOT; cp -a /root/kept/env $ENV_FILE; cp -a /root/kept/unit $UNIT_FILE
sql -c "ALTER ROLE $DATABASE_USER PASSWORD '$(cat /root/kept/role)'"
systemctl daemon-reload; restart_app
until_true 'curl -sfo /dev/null -H "Host: $SERVER_NAME" http://127.0.0.1$API_PATH'
"""
# Beginnings and ends of lines, each of which is put together with each.
BEGINNINGS = (
    "", "=", "X=a b\nLINE", "Y='a\"b\\$' \"c\\$'\\q\" d'e\nLINE", 'Z="\nLINE', "W=\\a\\'b\nLINE", " = \nLINE",
)  # fmt: skip
ENDS = ("\n", "\r\n", "\\\n", " # c\n", " # c\\\n", "\n# c\\\n", "\n;c\n", "'\n", '"\n', " \\ \n", "\t\n")
LINES = [f"LINE{part}A=1{end}LINEB=2\n" for end in ENDS for part in BEGINNINGS]


def quoted(text: str) -> str:
    """A word of bash's."""
    return "'" + text.replace("'", "'\\''") + "'"


def password(value: str, line: str) -> str:
    """Bash: the role has this password, and a line of the environment file, or of a drop-in, is to set it."""
    place = f"write_drop_in /etc written '[Service]' {quoted(line)}"
    if line == "ExecStart=":
        place += f' "ExecStart=$(start_command) --env "{quoted(f"DB_PASSWORD={value}")}'
    if not line.startswith(("Environment", "ExecStart")):
        place = f"""printf '%s\\n' {quoted(line)} >> "$ENV_FILE" """
    role = f"""sql -c "ALTER ROLE $DATABASE_USER PASSWORD "{quoted("'" + value.replace("'", "''") + "'")} """
    return f"{role}\nunset_variable DB_PASSWORD\n{place}\nrestart_app"


SETTING = """
printf '\\nimport os\\nDATA_UPLOAD_MAX_MEMORY_SIZE = int(os.environ["UPLOAD_LIMIT"])\\n' >> "$ROOT/$PACKAGE/settings.py"
app_git commit -qam 'The limit for uploads comes from the environment'
"""
# How the site is broken, the value that must not be shown, and what is said of it.
WAYS = {
    "specifiers": (password("Vq7%hR2m%tL9x", 'Environment="DB_PASSWORD=Vq7%hR2m%tL9x"'), "R2m", "%h and %t"),
    "a specifier that systemd does not know": (
        password("kW3%40zz81Qp", "Environment=DB_PASSWORD=kW3%40zz81Qp"), "zz81Qp", "%4 in it, which systemd takes",
    ),
    "a percent sign that was doubled": (password("kW3%%zz81Qp", "Environment=DB_PASSWORD=kW3%%zz81Qp"), "zz81Qp", "%%"),
    "a blank": (password("kW3 zz81Qp", "Environment=DB_PASSWORD=kW3 zz81Qp"), "zz81Qp", "a blank in it"),
    "a quote": (password("kW3'zz81Qp", "Environment=DB_PASSWORD=kW3'zz81Qp"), "zz81Qp", "a quote in it"),
    "an escape": (password("kW3\\x41zz81Qp", 'Environment="DB_PASSWORD=kW3\\x41zz81Qp"'), "zz81Qp", "a backslash"),
    "a comment behind it": (password("kW3zz81Qp", "DB_PASSWORD=kW3zz81Qp   # rotated in May"), "zz81Qp", "a comment"),
    "a backslash in a file": (password("kW3\\zz81Qp", "DB_PASSWORD=kW3\\zz81Qp"), "zz81Qp", "a backslash"),
    "another variable": (
        password("kW3zz81Qp", "DB_PASSWORD=${DB_PASS}") + '\necho DB_PASS=kW3zz81Qp >> "$ENV_FILE"; restart_app',
        "zz81Qp",
        "names another variable",
    ),
    "no password at all": (
        SETTING + """echo 'UPLOAD_LIMIT=73817281 # bytes' >> "$ENV_FILE"; restart_app""", "73817281", "a comment",
    ),
    "a variable on the command line": (
        password("kW3${PORT}zz81Qp", "ExecStart="), "zz81Qp", "a $ in it",
    ),
}  # fmt: skip


@pytest.mark.nightly
def test_what_is_written_otherwise_is_the_cause(site: Site) -> None:
    """In several ways, one after the other: that alone is named, tried, without the value; nothing is changed."""
    site.host.break_with("", KEEP)
    for way, (script, secret, said) in WAYS.items():
        site.host.break_with("", script)
        assert site.host.ask(site.shape.api_path)[0] in (500, 502, 504), way
        broken = site.host.snapshot()
        evidence = look.look(site.host)
        found = diagnose(evidence, CATALOGUE)
        assert [item.id for item in found.root_causes] == [WRITTEN], way
        assert said in found.root_causes[0].because, way
        assert found.root_causes[0].known.how == "tried"
        assert secret not in json.dumps(evidence), way
        assert differences(broken, site.host.snapshot()) == set(), way
        site.host.break_with("", BACK)


# What is meant so: specifiers, a doubled percent sign, quotes; of a file a comment that matters to nobody.
ON_PURPOSE = """
write_drop_in /etc purpose '[Service]' 'Environment=INSTANCE=%n "STATE=%S/shop" STAMP=%%Y-%%m HOME_DIR=%h' \
  "Environment='GREETING=it is \\"well\\"'" 'Environment="API_TOKEN=%p-7f3a91c2"'
echo 'NOTE=two words # nobody asks' >> "$ENV_FILE"
restart_app
until_true 'curl -sfo /dev/null -H "Host: $SERVER_NAME" http://127.0.0.1$API_PATH'
"""
REFUSED = "sql -c \"ALTER ROLE $DATABASE_USER PASSWORD 'another-91'\"; restart_app"


@pytest.mark.nightly
def test_what_is_meant_so_is_no_fault(site: Site) -> None:
    """A healthy site with such lines says nothing; with another fault, that alone is named, though they are tried."""
    site.host.break_with("", ON_PURPOSE)
    environment = site.host.run(f"systemctl show -P Environment {site.shape.unit}").stdout
    assert f"INSTANCE={site.shape.unit}" in environment
    found = look.diagnosed(site.host, CATALOGUE)
    assert not found.root_causes
    assert not found.to_repair
    site.host.break_with("", REFUSED)
    assert site.host.ask(site.shape.api_path)[0] == 500
    evidence = look.look(site.host)
    assert "API_TOKEN" in [item["name"] for item in evidence["trials"]["written"]]
    found = diagnose(evidence, CATALOGUE)
    assert [item.id for item in found.root_causes] == [WRONG]
    assert "API_TOKEN" not in found.root_causes[0].because
    # What is written is refused too: said, and no cause.
    line = 'Environment="DB_PASSWORD=kW3%hzz81Qp"'
    site.host.break_with("", password("another-91", line))
    found = look.diagnosed(site.host, CATALOGUE)
    assert [item.id for item in found.root_causes] == [WRONG]
    assert "sets DB_PASSWORD, of which systemd makes another value" in found.root_causes[0].because


@pytest.mark.nightly
def test_a_play_names_it_and_leaves_it_to_a_person(site: Site) -> None:
    """Neither the role's password nor a file is changed; what a person is to run heals the site."""
    site.host.break_with(WRITTEN)
    broken = site.host.snapshot()
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (2, "needs-human", [WRITTEN]), output
    assert "R2m" not in output + json.dumps(incident)
    assert differences(broken, site.host.snapshot()) == set()
    site.host.run(incident["awaiting"][0]["by_hand"])
    site.host.break_with("", "until_true 'curl -sfo /dev/null -H \"Host: $SERVER_NAME\" http://127.0.0.1$API_PATH'")


@pytest.mark.nightly
def test_a_file_is_read_as_systemd_reads_it(site: Site) -> None:
    """Each line that the unit tests have, and more, in files that systemd itself reads."""
    for text in LINES:
        site.host.put("/run/lines.env", text.encode())
        # What is read of it here has the ends of lines of this system.
        command = "systemd-run --quiet --pipe --wait --collect -p EnvironmentFile=/run/lines.env env -0"
        seen = dict(item.partition("=")[::2] for item in site.host.run(command).stdout.split("\0") if "=" in item)
        ours = {name: value.replace("\r\n", "\n") for name, value in environment_file.parse(text).items()}
        assert ours == {name: value for name, value in seen.items() if name in ours or name.startswith("LINE")}, text
