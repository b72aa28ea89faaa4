# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""SQLite's files, recognised by their first bytes: the database, and those that SQLite keeps next to it.

Sources: sqlite.org/fileformat2.html (1.3 the database's header, 3 the rollback journal, 4.1 the write-ahead log),
sqlite.org/walformat.html (2.1 the index of the log).
"""

from __future__ import annotations

import struct

DATABASE, LOG, INDEX, JOURNAL = "", "-wal", "-shm", "-journal"
# By what a file's name ends with after the database's own.
FILES = {
    DATABASE: "database",
    LOG: "write-ahead log",
    INDEX: "index of the write-ahead log",
    JOURNAL: "rollback journal",
}
# What has to be read of a file: more than any header takes, and as much as a journal that is at rest has empty.
HEADER_BYTES = 512
HEAD = b"SQLite format 3\0"
_LOG_MAGIC = (0x377F0682, 0x377F0683)
_INDEX_VERSION = struct.pack("<I", 3007000)
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
_LEAST_SECTOR = 32


def objection(end: str, header: bytes, database: bytes) -> str:
    """Why one of FILES is not what its name says, as the end of a sentence; empty where it is.

    header, database: the first HEADER_BYTES of the file, and of the database; less of a file that is shorter. An empty
    file next to a database holds nothing, as SQLite leaves one at times. An empty database is none: SQLite would
    delete the log next to it.
    """
    if end != DATABASE and not header:
        return ""
    size, recognised = page_size(database), {LOG: _is_log, INDEX: _is_index, JOURNAL: _is_journal}
    is_it = page_size(header) > 0 if end == DATABASE else size > 0 and recognised[end](header, size)
    return "" if is_it else f"is not a SQLite {FILES[end]} by its first bytes"


def page_size(database: bytes) -> int:
    """The size of a database's pages in bytes, by its header; 0 where that does not say."""
    if len(database) < HEADER_BYTES or not database.startswith(HEAD):
        return 0
    size = int(struct.unpack_from(">H", database, 16)[0])
    return 65536 if size == 1 else size


def _is_log(header: bytes, size: int) -> bool:
    """Whether it is a log, and of pages of this size: one of others is of another database."""
    if len(header) < 32:
        return False
    magic, _version, pages = struct.unpack_from(">III", header)
    return magic in _LOG_MAGIC and pages == size


def _is_index(header: bytes, _size: int) -> bool:
    return header[:4] in (_INDEX_VERSION, _INDEX_VERSION[::-1])


def _is_journal(header: bytes, size: int) -> bool:
    """Whether it is a journal: under way, or not yet, or no longer, one to be rolled back."""
    if len(header) == HEADER_BYTES and not any(header):
        return True
    if len(header) < 28:
        return False
    sector, pages = struct.unpack_from(">II", header, 20)
    is_begun = header.startswith(_JOURNAL_MAGIC) or not any(header[:12])
    return is_begun and pages == size and sector >= _LEAST_SECTOR and sector & (sector - 1) == 0
