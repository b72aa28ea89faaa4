"""PostgreSQL's words back in English: by its own catalogues, and by nothing else."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.services import (
    catalogue_files,
    message_catalogue,
    postgresql_words,
)

HEADER = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n > 1);\n"
# Those of PostgreSQL 15, French, as they are, and of an order of arguments that it does not have here.
FRENCH = {
    "": HEADER,
    "LOG": "LOG",
    "ERROR": "ERREUR",
    "FATAL": "FATAL",
    "DETAIL:  ": "DÉTAIL:  ",
    "HINT:  ": "ASTUCE :  ",
    " at character %d": " au caractère %d",
    'password authentication failed for user "%s"': (
        "authentification par mot de passe échouée pour l'utilisateur  « %s »"
    ),
    'relation "%s" does not exist': "la relation « %s » n'existe pas",
    'column "%s" of relation "%s" does not exist': "la colonne « %s » de la relation « %s » n'existe pas",
    'could not bind %s address "%s": %m': "n'a pas pu lier %s à l'adresse « %s » : %m",
    'could not open file "%s": %m': "n'a pas pu ouvrir le fichier « %s » : %m",
    'could not open directory "%s": %m': "n'a pas pu ouvrir le répertoire « %s » : %m",
    'no pg_hba.conf entry for host "%s", user "%s", database "%s", %s': (
        "aucune entrée dans pg_hba.conf pour l'hôte « %s », utilisateur « %s »,\nbase de données « %s », %s"
    ),
    "no encryption": "aucun chiffrement",
    "Permissions should be u=rwx (0700) or u=rwx,g=rx (0750).": (
        "Les droits devraient être u=rwx (0700) ou u=rwx,g=rx (0750)."
    ),
    "cannot execute %s in a read-only transaction": "ne peut pas exécuter %s dans une transaction en lecture seule",
    "database must be vacuumed within %u transaction\0database must be vacuumed within %u transactions": (
        "un VACUUM doit être exécuté dans un maximum de %u transaction\0"
        "un VACUUM doit être exécuté dans un maximum de %u transactions"
    ),
    "%d of %d connections are used\0%d of %d connections are used": (
        "%2$d connexions au total, dont %1$d utilisée\0%2$d connexions au total, dont %1$d utilisées"
    ),
    "%.*s is used by %s at %d%%": "à %4$d%%, %3$s utilise %2$.*1$s (.*)+[a",
    "relation %s": "relation %s",
    # Translators' own: two messages of one meaning, and two of opposite ones.
    'could not remove file "%s": %m': "n'a pas pu supprimer le fichier « %s » : %m",
    'could not delete file "%s": %m': "n'a pas pu supprimer le fichier « %s » : %m",
    'column "%s" of relation "%s" is an identity column': "la colonne « %s » de « %s » n'est pas d'identité",
    'column "%s" of relation "%s" is not an identity column': "la colonne « %s » de « %s » n'est pas d'identité",
}
LIBPQ = {'connection to server at "%s", port %s failed: ': "la connexion au serveur sur « %s », port %s a échoué : "}
KERNEL = {
    "Address already in use": "Adresse déjà utilisée",
    "Permission denied": "Permission non accordée",
    "no": "non",
}
CONFIGURATION = "max_connections = 100\nlc_messages = 'fr_FR.UTF-8'\t\t# locale for system error message\n"


def catalogue(translations: dict[str, str], order: str = "<", charset: str = "utf-8") -> bytes:
    """A .mo file as msgfmt(1) writes it."""
    rows = [(key.encode(charset), value.encode(charset)) for key, value in sorted(translations.items())]
    strings, places = b"", list[tuple[int, int]]()
    begin = 28 + 16 * len(rows)
    for text in [row[0] for row in rows] + [row[1] for row in rows]:
        places.append((len(text), begin + len(strings)))
        strings += text + b"\0"
    head = struct.pack(order + "7I", 0x950412DE, 0, len(rows), 28, 28 + 8 * len(rows), 0, begin)
    return head + b"".join(struct.pack(order + "2I", *place) for place in places) + strings


@pytest.fixture(autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A host of one server, with PostgreSQL's French catalogues and the C library's."""
    files = {"postgres-15": FRENCH, "libpq5-15": LIBPQ, "libc": KERNEL}
    monkeypatch.setattr(
        postgresql_words,
        "_messages",
        lambda name, _version, _locale: list(catalogue_files.messages(catalogue(files.get(name, {})))),
    )
    monkeypatch.setattr(postgresql_words, "languages", lambda _unit="": [("15", "fr_FR")])
    loaded = postgresql_words._loaded
    loaded.cache_clear()
    yield
    loaded.cache_clear()


SAID = {
    "2026-11-28 23:00:00.123 CET [12] shop@shop FATAL:  authentification par mot de passe échouée pour l'utilisateur"
    "  « shop »": '2026-11-28 23:00:00.123 CET [12] shop@shop FATAL:  password authentication failed for user "shop"',
    "ERREUR:  la relation « ab » n'existe pas au caractère 15": 'ERROR:  relation "ab" does not exist at character 15',
    "django.db.utils.ProgrammingError: la relation « a_b » n'existe pas": (
        'django.db.utils.ProgrammingError: relation "a_b" does not exist'
    ),
    "la colonne « a » de la relation « b » n'existe pas": 'column "a" of relation "b" does not exist',
    "LOG:  n'a pas pu lier IPv4 à l'adresse « ::1 » : Adresse déjà utilisée": (
        'LOG:  could not bind IPv4 address "::1": Address already in use'
    ),
    "FATAL:  untranslated so far: Permission non accordée": "FATAL:  untranslated so far: Permission denied",
    "DÉTAIL:  Les droits devraient être u=rwx (0700) ou u=rwx,g=rx (0750).": (
        "DETAIL:  Permissions should be u=rwx (0700) or u=rwx,g=rx (0750)."
    ),
    "ASTUCE :  Vérifiez.": "HINT:  Vérifiez.",
    "failed: la connexion au serveur sur « db », port 5432 a échoué : FATAL:  la relation « x » n'existe pas": (
        'failed: connection to server at "db", port 5432 failed: FATAL:  relation "x" does not exist'
    ),
    "n'a pas pu supprimer le fichier « a » : x": 'could not delete file "a": x',
    "1 un VACUUM": "1 un VACUUM",
    "ERREUR:  un VACUUM doit être exécuté dans un maximum de 1 transaction": (
        "ERROR:  database must be vacuumed within 1 transaction"
    ),
    "ERREUR:  un VACUUM doit être exécuté dans un maximum de 7 transactions": (
        "ERROR:  database must be vacuumed within 7 transactions"
    ),
    "100 connexions au total, dont 7 utilisées": "7 of 100 connections are used",
    "à 5%, shop utilise la base (.*)+[a": "la base is used by shop at 5%",
}


@pytest.mark.parametrize("said", SAID)
def test_what_the_server_says_is_english(said: str) -> None:
    """With its severity and place, its values, and what the kernel said."""
    assert postgresql_words.english(said) == SAID[said]


def test_an_order_of_its_own_counts() -> None:
    """Of arguments that a translation has in another order, and of one that gives the length of another."""
    wanted = message_catalogue.parts("à %4$d%%, %3$s utilise %2$.*1$s")
    assert wanted
    assert message_catalogue.values("à 5%, b utilise c", wanted) == {"4": "5", "3": "b", "2": "c"}
    in_english = message_catalogue.parts("%.*s is used by %s at %d%%")
    assert in_english
    assert in_english.names == ("2", "3", "4")


def test_a_message_of_several_lines_becomes_one() -> None:
    """A translator breaks lines where English does not; a log has a tab in front of what follows."""
    first = "aucune entrée dans pg_hba.conf pour l'hôte « ::1 », utilisateur « shop »,"
    english = 'no pg_hba.conf entry for host "::1", user "shop", database "shop", no encryption'
    for indent in ("", "\t"):
        said = ["before", f"FATAL:  {first}", f"{indent}base de données « shop », aucun chiffrement", "after"]
        assert postgresql_words.lines(said) == ["before", f"FATAL:  {english}", "after"]
        assert [number for number, _line in postgresql_words.numbered(said)] == [0, 1, 3]
    # Cut off, it is not the whole message.
    assert postgresql_words.lines([first]) == [first]


@pytest.mark.parametrize(
    "said",
    [
        "", "   ", "Une autre phrase", "ready to accept connections", "relation shop", "la relation « a » existe",
        "ne peut pas exécuter", "x" * 5000, "un VACUUM doit être exécuté dans un maximum de sept transactions",
        "la colonne « a » de « b » n'est pas d'identité",
        'role "Adresse déjà utilisée" does not exist', "non", "%s %d %m %1$s {{ 7 * 7 }}",
    ],
)  # fmt: skip
def test_what_is_not_in_the_catalogue_stays(said: str) -> None:
    """Whatever it looks like, and however long it is."""
    assert postgresql_words.english(said) == said


def test_a_name_is_nobodys_message() -> None:
    """A table may be called as the C library calls an error; it is a name, for it is quoted."""
    said = "la relation « aucun chiffrement » n'existe pas"
    assert postgresql_words.english(said) == 'relation "aucun chiffrement" does not exist'


def test_a_long_line_of_a_hostile_host_ends() -> None:
    """What begins like a message a thousand times is none; it is not tried again from each of these places."""
    said = ("la colonne « " * 150 + "de la relation « " * 100)[:3900]
    assert postgresql_words.english("ERREUR:  " + said) == "ERROR:  " + said


def test_errors_of_a_rehearsal_are_english() -> None:
    """The message of an exception and of its causes; other texts of the same words are the app's."""
    french = "la relation « a » n'existe pas\nLINE 1: SELECT"
    step = {
        "step": "requests",
        "error": {"type": "E", "message": french, "chain": [{"type": "F", "message": french, "filename": ""}]},
        "found": [{"title": "la relation « a » n'existe pas", "message": "la relation « a » n'existe pas"}, 7, None],
    }
    found = postgresql_words.errors([step])[0]
    english = 'relation "a" does not exist\nLINE 1: SELECT'
    assert (found["error"]["message"], found["error"]["chain"][0]["message"]) == (english, english)
    assert (found["found"], found["error"]["type"]) == (step["found"], "E")


def test_a_server_that_speaks_english_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is loaded, and what is given is given back."""
    monkeypatch.setattr(postgresql_words, "languages", lambda _unit="": [])
    monkeypatch.setattr(postgresql_words, "_loaded", lambda *_: pytest.fail("loaded"))
    said, step = ["la relation « a » n'existe pas"], {"type": "E", "message": "la relation « a » n'existe pas"}
    assert postgresql_words.lines(said) == said
    assert postgresql_words.errors(step) is step


class TestCatalogueFiles:
    """Files of gettext's format, and others."""

    @pytest.mark.parametrize(("order", "charset"), [("<", "utf-8"), (">", "utf-8"), ("<", "iso-8859-1")])
    def test_both_orders_and_other_characters_are_read(self, order: str, charset: str) -> None:
        """A catalogue says in its first message in which characters it is."""
        translations = {"": HEADER.replace("UTF-8", charset), "a\4no": "né", "one\0many": "un\0des"}
        found = list(catalogue_files.messages(catalogue(translations, order, charset)))
        assert found == [(("no",), "né"), (("one", "many"), "un"), (("one", "many"), "des")]

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"PK\3\4",
            catalogue(FRENCH)[:60],
            b"\xde\x12\x04\x95" + b"\xff" * 40,
            catalogue({"": "charset=x", "a": "b"}),
        ],
    )
    def test_other_data_is_refused(self, data: bytes) -> None:
        """As one that was cut off, or in characters that nobody knows."""
        with pytest.raises(ValueError, match="not a message catalogue"):
            list(catalogue_files.messages(data))

    @pytest.mark.parametrize(("text", "value"), [("%y", None), ("100 %", None), ("100%%", ("100%",))])
    def test_what_is_no_format(self, text: str, value: Any) -> None:
        """A text with another sign of percent is not taken for one."""
        found = message_catalogue.parts(text)
        assert (found.pieces if found else None) == value


LANGUAGES = {
    "": [],
    "lc_messages = 'C'": [],
    "lc_messages = POSIX": [],
    "lc_messages = 'en_US.UTF-8'": [],
    "lc_messages = ''": [],
    "lc_messages = 'french'": [],
    "#lc_messages = 'fr_FR'": [],
    "lc_messages = '../../tmp/x'": [],
    "lc_messages 'de_DE'": ["de_DE"],
    "LC_MESSAGES=de_DE.utf8": ["de_DE"],
    "lc_messages = 'sr_RS@latin'": ["sr_RS@latin"],
    CONFIGURATION: ["fr_FR"],
    CONFIGURATION + "lc_messages = 'C'": [],
}


class TestLanguage:
    """What the servers of this host speak, by their configuration."""

    @pytest.fixture(autouse=True)
    def _own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()

    @pytest.mark.parametrize("text", LANGUAGES)
    def test_the_setting_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        """The last one counts; English, and what nobody knows, is none."""
        (tmp_path / "postgresql.conf").write_text(text)
        monkeypatch.setattr(
            postgresql_words, "_configurations", lambda _unit: [("15", [str(tmp_path / "postgresql.conf")])]
        )
        assert postgresql_words.languages() == [("15", name) for name in LANGUAGES[text]]

    def test_alter_system_counts_last(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """After postgresql.conf and conf.d; the version is that of the data."""
        (tmp_path / "conf.d").mkdir()
        for name, text in {
            "PG_VERSION": "16\n",
            "postgresql.conf": "lc_messages = 'C'",
            "conf.d/own.conf": "lc_messages = 'es_ES'",
        }.items():
            (tmp_path / name).write_text(text)
        monkeypatch.setattr(postgresql_words.glob, "glob", glob_without_clusters)
        monkeypatch.setattr(postgresql_words.postgresql_files, "data_folders", lambda *_: [str(tmp_path)])
        assert postgresql_words.languages() == [("16", "es_ES")]
        (tmp_path / "postgresql.auto.conf").write_text("lc_messages = 'ru_RU.UTF-8'")
        assert postgresql_words.languages() == [("16", "ru_RU")]
        (tmp_path / "PG_VERSION").write_text("../x\n")
        assert postgresql_words.languages() == []

    def test_only_roots_catalogues_are_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What others can write might say that anything means anything."""
        path = tmp_path / "fr" / "LC_MESSAGES" / "postgres-15.mo"
        path.parent.mkdir(parents=True)
        path.write_bytes(catalogue(FRENCH))
        monkeypatch.setattr(postgresql_words, "TOPS", (str(tmp_path),))
        asked: list[tuple[str, int]] = []
        answer = ""

        def on_the_way(wanted: str, uid: int) -> str:
            asked.append((wanted, uid))
            return answer

        monkeypatch.setattr(postgresql_words.write_access, "on_the_way", on_the_way)
        assert (("ERROR",), "ERREUR") in postgresql_words._messages("postgres-15", "15", "fr_FR")
        assert asked == [(str(path), 0)]
        answer = os.path.dirname(path)
        assert postgresql_words._messages("postgres-15", "15", "fr_FR") == []
        assert postgresql_words._loaded.__wrapped__("15", "fr_FR") is None


def glob_without_clusters(pattern: str) -> list[str]:
    """The paths that a pattern finds, on a host without Debian's clusters."""
    folder = Path(pattern.partition("*")[0])
    return [] if pattern.startswith("/etc/") else [str(path) for path in sorted(folder.glob("*.conf"))]
