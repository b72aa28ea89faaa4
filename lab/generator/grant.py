"""Runs in a lab host: let further accounts read a tree by access control lists, in the kernel's form, xattr(7)."""

from __future__ import annotations

import os
import pwd
import struct
import sys

ROOT = sys.argv[1]
USERS = sorted({pwd.getpwnam(name).pw_uid for name in sys.argv[2:]})
FOLDERS = [ROOT, *(os.path.join(folder, name) for folder, names, _files in os.walk(ROOT) for name in names)]
FILES = [os.path.join(folder, name) for folder, _names, files in os.walk(ROOT) for name in files]
for path in [*FOLDERS, *FILES]:
    if not os.path.islink(path):
        bits = 5 if os.path.isdir(path) or os.access(path, os.X_OK) else 4
        named = [(2, bits, uid) for uid in USERS]
        entries = [(1, 2 | bits, -1), *named, (4, 0, -1), (16, bits, -1), (32, 0, -1)]
        acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
        os.setxattr(path, "system.posix_acl_access", acl)
