"""What root gives an app of what the app's own settings name: judged in folders of this machine, as root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.files import access, violations
from ansible_collections.rescue502.django.plugins.module_utils.files.file_look import Paths
from ansible_collections.rescue502.django.plugins.module_utils.stack import own_folders
from ansible_collections.rescue502.django.plugins.module_utils.stack.own_folders import OwnFolders
from ansible_collections.rescue502.django.plugins.module_utils.system import filesystems
from passable import make_passable

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
UNIT = "shop.service"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The app's folder, which root has deployed: with code, a log folder of root's, and a script that root runs."""
    folder = tmp_path / "shop"
    for name in ("logs", "scripts", "media", "venv/bin"):
        (folder / name).mkdir(parents=True)
    for name in ("manage.py", ".env", "venv/pyvenv.cfg", "scripts/backup.sh", "logs/shop.log", "logs/shop.log.1"):
        (folder / name).touch()
    (folder / "scripts" / "backup.sh").chmod(0o755)
    return folder


@pytest.fixture
def own(root: Path) -> OwnFolders:
    """What is the app's, of an account that owns nothing yet."""
    account = access.Account("nobody", None)
    return OwnFolders(str(root), str(root / "venv"), [str(root / ".env")], account, ["/var/log/shop"])


def give(path: Path) -> None:
    """Make a file or folder the account's."""
    os.chown(path, access.Account("nobody", None).uid, -1)


@pytest.mark.parametrize(
    ("log", "target", "why"),
    [
        ("logs/shop.log", "logs/shop.log", ""),
        ("logs/other.log", "logs", ""),
        ("logs/../logs/other.log", "logs/../logs", ""),
        ("shop.log", ".", "is or holds"),
        ("manage.py", "manage.py", "not a log"),
        (".env", ".env", "is or holds"),
        ("scripts/backup.sh", "scripts/backup.sh", "not a log"),
        ("scripts/x.log", "scripts", "holds more than logs: backup.sh"),
        ("venv/bin/x.log", "venv/bin", "in the virtual environment"),
        (".git/x.log", ".git", "is git's"),
    ],
)
def test_logs_below_the_apps_folder(root: Path, own: OwnFolders, log: str, target: str, why: str) -> None:
    """What is a log by its name, in a folder of logs; nothing that root may run, or that says who may do what."""
    (root / ".git").mkdir()
    reported = own.objection_to_log(str(root / log), str(root / target))
    assert (why in reported) if why else not reported


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/etc/shadow", "belongs to the system"),
        ("/var/log/../../etc/shadow", "belongs to the system"),
        ("/proc/self/environ", "belongs to the system"),
        ("/usr/bin/env", "belongs to the system"),
        ("/var/log", "is shared with others"),
        ("/", "is shared with others"),
    ],
)
def test_what_is_the_systems_is_given_on_nobodys_word(own: OwnFolders, path: str, why: str) -> None:
    """Not even where a file of root's names it."""
    word = OwnFolders(own.root, own.venv, own.env_files, own.account, [path, os.path.dirname(path)])
    for judge in (own, word):
        assert why in judge.objection_to_log(path if path != "/var/log" else "/var/log/x.log", path)
        assert why in judge.objection_to_media(path)


def test_logs_elsewhere(tmp_path: Path, own: OwnFolders) -> None:
    """Where root's files name the folder or the file, or the account could help itself; not by the app's word alone."""
    folder, log = tmp_path / "audit", tmp_path / "audit" / "shop.log"
    folder.mkdir()
    log.touch()
    assert "outside of the app's own" in own.objection_to_log(str(log), str(log))
    assert "outside of the app's own" in own.objection_to_log(str(log), str(folder))
    for named in (folder, log):
        word = OwnFolders(own.root, own.venv, own.env_files, own.account, [str(named)])
        assert not word.objection_to_log(str(log), str(log))
        assert not word.objection_to_log(str(log), str(folder))
    (folder / "payments.csv").touch()
    assert "holds more than logs: payments.csv" in word.objection_to_log(str(log), str(folder)), (
        "only the file is named"
    )
    assert not word.objection_to_log(str(log), str(log))
    give(folder)
    assert not own.objection_to_log(str(log), str(log))
    folder.chmod(0o1777)
    assert "outside" in own.objection_to_log(str(log), str(log)), "nobody replaces what is root's there"


def test_a_link_of_the_apps_leads_nowhere(root: Path, own: OwnFolders) -> None:
    """Neither to logs nor to uploads of somebody else."""
    give(root)
    (root / "away").symlink_to("/etc")
    os.chown(root / "away", own.account.uid, -1, follow_symlinks=False)
    assert "cannot be judged" in own.objection_to_log(str(root / "away/shadow"), str(root / "away/shadow"))
    assert "cannot be judged" in own.objection_to_media(str(root / "away"))
    os.chown(root / "away", 0, -1, follow_symlinks=False)
    assert "belongs to the system" in own.objection_to_media(str(root / "away"))


@pytest.mark.parametrize(
    ("media", "why"),
    [
        ("media", ""),
        ("media/missing", ""),
        (".", "is or holds"),
        ("..", "is or holds"),
        ("scripts", "holds programs that are not the app's"),
        ("venv/bin", "in the virtual environment"),
        ("venv", "is or holds"),
    ],
)
def test_uploads_below_the_apps_folder(root: Path, own: OwnFolders, media: str, why: str) -> None:
    """Any folder that holds neither the app itself nor programs."""
    reported = own.objection_to_media(str(root / media))
    assert (why in reported) if why else not reported


def test_uploads_elsewhere(tmp_path: Path, own: OwnFolders) -> None:
    """Where root's files name the folder, as nginx's locations do."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    assert "outside of the app's own" in own.objection_to_media(str(folder))
    give(folder)
    assert "outside of the app's own" in own.objection_to_media(str(folder))
    word = OwnFolders(own.root, own.venv, own.env_files, own.account, [str(folder)])
    assert not word.objection_to_media(str(folder))


def test_what_root_names() -> None:
    """systemd's folders, paths that the unit may write, logs in its command, the unit's own name below /var/log."""
    words = "/srv/shop/venv/bin/gunicorn --access-logfile - --error-logfile /srv/log/e.log --log-file=/srv/log/l.log w"
    properties = {
        "ExecStart": f"{{ path=x ; argv[]={words} ; ignore_errors=no }}",
        "LogsDirectory": "shop shop/old",
        "StateDirectory": "shop:link",
        "ReadWritePaths": "-/srv/uploads +/srv/x/",
    }
    assert own_folders.named(UNIT, properties, ["/srv/shop/media/"]) == [
        "/srv/log/e.log",
        "/srv/log/l.log",
        "/srv/shop/media",
        "/srv/uploads",
        "/srv/x",
        "/var/lib/shop",
        "/var/log/shop",
        "/var/log/shop/old",
    ]


@pytest.mark.parametrize(
    ("mode", "log", "wanted"),
    [
        (0o700, "shop.log", [("logs", "0710", 0, "u:65534:x")]),
        (0o700, "missing.log", [("logs", "0730", 0, "")]),
        (0o755, "shop.log", []),
    ],
)
def test_a_logs_folder_is_part_of_the_log(
    root: Path, mode: int, log: str, wanted: list[tuple[str, str, int, str]]
) -> None:
    """It is opened no further than it takes: to pass through where the log is there, to write where it is not."""
    make_passable(root.parent)
    give(root / "logs" / "shop.log")
    (root / "logs").chmod(mode)
    account = access.Account("nobody", None)
    found = violations.find(account, Paths(str(root), logs=[str(root / "logs" / log)]), ["logs"], 10)
    reported = [(os.path.basename(item["path"]), item["mode"], item["owner"], item.get("acl", "")) for item in found]
    assert reported == wanted
    assert {item["part"] for item in found} <= {"logs"}


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("shop/run", ""),
        ("shop/run/deeper", ""),
        ("shop/.git/app.sock", "is git's"),
        ("shop/venv/app.pid", "in the virtual environment"),
        ("audit/app.pid", "outside of the app's own"),
        ("audit/new/app.sock", "outside of the app's own"),
        ("away/new", "cannot be judged"),
        ("/etc/systemd/system/nginx.service.d", "belongs to the system"),
        ("/root/in", "belongs to the system"),
        ("/run/../etc/in", "belongs to the system"),
        ("/run/nginx.pid", "outside of the app's own"),
        ("/run/somebodys", "outside of the app's own"),
        ("/tmp/somebodys.sock", "outside of the app's own"),
        ("/run", "is shared with others"),
    ],
)
def test_sockets_and_pid_files(tmp_path: Path, root: Path, own: OwnFolders, place: str, why: str) -> None:
    """Made and removed in the app's own folders, and not by the app's word alone anywhere else."""
    give(root)
    (tmp_path / "audit").mkdir()
    (tmp_path / "away").symlink_to("/etc")
    os.chown(tmp_path / "away", own.account.uid, -1, follow_symlinks=False)
    reported = own.objection_to_place(str(tmp_path / place))
    assert (why in reported) if why else not reported


def test_a_socket_that_roots_files_name(own: OwnFolders) -> None:
    """Itself and its folder, and nothing next to them; what belongs to the system is nobody's all the same."""
    named = ["/run/by-unit/app.sock", "/etc/in/app.sock"]
    word = OwnFolders(own.root, own.venv, own.env_files, own.account, named)
    assert [word.objection_to_place(path) for path in ("/run/by-unit", "/run/by-unit/app.sock")] == ["", ""]
    assert "outside" in word.objection_to_place("/run/by-unit/other.sock")
    assert "belongs to the system" in word.objection_to_place("/etc/in")


def test_a_folder_on_a_memory_disk_for_all(own: OwnFolders, tmp_path: Path) -> None:
    """Right below it, where a file of root's names it or the file in it; nothing deeper, and nothing by a link."""
    shared = "/dev/shm"
    if not filesystems.is_shared_memory(shared):
        pytest.skip("no memory disk for all on this machine")
    name = f"{shared}/rescue502-test-{os.getpid()}"
    assert "belongs to the system" in own.objection_to_place(name)
    word = OwnFolders(own.root, own.venv, own.env_files, own.account, [f"{name}/wgunicorn-"])
    assert word.objection_to_place(name) == ""
    assert "belongs to the system" in word.objection_to_place(f"{name}-other")
    deep = OwnFolders(own.root, own.venv, own.env_files, own.account, [f"{name}/deeper/wgunicorn-"])
    assert "belongs to the system" in deep.objection_to_place(f"{name}/deeper")
    assert "belongs to the system" in OwnFolders("", "", [], own.account, ["/dev/x/f"]).objection_to_place("/dev/x")
    os.symlink("/etc", name)
    try:
        assert "belongs to the system" in word.objection_to_place(f"{name}/wgunicorn-")
    finally:
        os.unlink(name)


def test_what_a_memory_disk_for_all_is(tmp_path: Path) -> None:
    """A mount of root's own, sticky; a folder with these modes on a disk is none, nor is one below it."""
    tmp_path.chmod(0o1777)
    assert not filesystems.is_shared_memory(str(tmp_path))
    assert not filesystems.is_shared_memory("/dev/shm/none")
    assert not filesystems.is_shared_memory("/proc")
