"""A database server that speaks French or German: the same causes are named, and repaired, as of one in English."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import Host, look
from lab.site import Site, named, settings_for, to_approve

CATALOGUE = load()
FRENCH, GERMAN = "fr_FR.UTF-8", "de_DE.UTF-8"
LOGS = "cat /var/log/postgresql/*.log"
# What of a fault stands in the server's own log, in its language.
SAID = {
    FRENCH: {
        "database/config-invalid": "contient des erreurs",
        "database/connections-exhausted": "les emplacements de connexions restants sont réservés",
        "database/data-folder-mode": "a des permissions non valides",
        "database/extension-missing": "la fonction similarity(unknown, unknown) n'existe pas",
        "database/missing-database": "la base de données « {DATABASE_NAME} » n'existe pas",
        "database/missing-role": "Le rôle « {DATABASE_USER} » n'existe pas",
        "database/password-expired": "a un mot de passe expiré",
        "database/read-only": "dans une transaction en lecture seule",
        "database/refused-by-hba": "aucune entrée dans pg_hba.conf pour l'hôte",
        "database/time-limit": "annulation de la requête à cause du délai écoulé pour l'exécution de l'instruction",
        "database/wrong-password": "authentification par mot de passe échouée",
        "schema/tables-differ": "n'existe pas au caractère",
        "schema/unapplied-migrations": "n'existe pas au caractère",
    },
    GERMAN: {
        "database/data-folder-mode": "hat ungültige Zugriffsrechte",
        "database/wrong-password": "Passwort-Authentifizierung für Benutzer",
        "schema/tables-differ": "existiert nicht bei Zeichen",
    },
}
REPAIRED = (
    "database/connections-exhausted", "database/data-folder-mode", "database/missing-database", "database/missing-role",
    "schema/unapplied-migrations",
)  # fmt: skip


def speak(host: Host, language: str) -> None:
    """Have the server speak a language from now on, and what starts it too, as on a system in that language."""
    sql = f"ALTER SYSTEM SET lc_messages = '{language}'"
    host.run(
        f"systemctl set-environment LANG={language}\n"
        f'runuser -u postgres -- psql -Xqc "{sql}" -c "SELECT pg_reload_conf()" > /dev/null'
    )


def break_in(site: Site, language: str, mode: str) -> None:
    """Reproduce a failure mode, and show that the server says it in this language."""
    site.host.break_with(mode)
    words = SAID[language][mode].format(**site.shape.facts())
    assert words in site.host.run(LOGS).stdout, "the fault"


def test_a_french_server_is_understood(site: Site) -> None:
    """What it answers to the app, in two lines where English has one, and what it logs where it does not start."""
    speak(site.host, FRENCH)
    for mode in ("database/refused-by-hba", "database/data-folder-mode"):
        break_in(site, FRENCH, mode)
        found = look.diagnosed(site.host, CATALOGUE, {})
        assert [item.id for item in found.root_causes] == [mode], [item.because for item in found.root_causes]


@pytest.mark.nightly
@pytest.mark.parametrize(("language", "mode"), [(language, mode) for language in SAID for mode in SAID[language]])
def test_the_cause_is_the_same_in_each_language(site: Site, language: str, mode: str) -> None:
    """It alone is named, as on the usual host; what may be repaired is."""
    speak(site.host, language)
    break_in(site, language, mode)
    approved = to_approve(CATALOGUE.modes[mode])
    code, incident, output = site.play("recover", **settings_for(mode, site.shape), rescue502_approve=approved)
    assert named(incident) == [mode], output
    if mode in REPAIRED:
        assert (code, incident["outcome"]) == (0, "recovered"), output
    else:
        assert incident["actions"] == [], output


@pytest.mark.nightly
def test_a_stopped_server_is_started_in_french(site: Site) -> None:
    """It has said nothing but that it ends."""
    speak(site.host, FRENCH)
    site.host.break_with("database/stopped")
    assert "le système de base de données est arrêté" in site.host.run(LOGS).stdout
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["database/stopped"]), output


@pytest.mark.nightly
@pytest.mark.parametrize("site", ["remote"], indirect=True)
def test_what_lacks_on_another_host_is_known_by_its_sqlstate(site: Site) -> None:
    """No catalogue is at hand there: the app's error stays in French, and its code says that a column lacks."""
    server = site.host.database
    assert server
    speak(server, FRENCH)
    site.host.break_with("schema/unapplied-migrations")
    found = look.diagnosed(site.host, CATALOGUE, {})
    assert "n'existe pas" in found.evidence["app"]["raised"]["message"], "the fault"
    assert found.evidence["app"]["lacks_table"] is True
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["schema/unapplied-migrations"]), output
