"""Which file of requirements is in use, and what an installation may change: what has to do with the fault, no more."""

from __future__ import annotations

import pytest

from lab.site import Site, differences, named

# An old requirements.txt that nobody uses, next to the file that was deployed.
TWO_FILES = """
cd $ROOT
mkdir requirements && mv requirements.txt requirements/production.txt
printf 'Django==4.1.13\\ndjangorestframework==3.14.0\\ngunicorn==20.1.0\\n' > requirements.txt
chown -R $APP_USER: requirements requirements.txt
app_git add -A . && app_git commit -qm 'Requirements by environment'
grep -q Django==4.1 requirements.txt
"""
VERSIONS = "$VENV/bin/pip list --format freeze --disable-pip-version-check 2>/dev/null | grep -v python-slugify"
# Two files that fit what is installed equally well, and ask for different versions of what is gone.
TIE = """
cd $ROOT
sed 's/python-slugify==.*/python-slugify==7.0.0/' requirements.txt > requirements-next.txt
chown $APP_USER: requirements-next.txt
"""
FAILS = """
cd $ROOT
printf '\\nraise RuntimeError("the licence has ended")\\n' >> $PACKAGE/settings.py
restart_app
"""
# Of five old ones three hold what no installer brings: notes, the app's code in the place of an environment, and a
# module that somebody has written into the packages.
KEEPS_OWN_FILES = """
old() { echo "$VENV.rescue502-old-2026010${1}T120000Z"; }
for number in 1 2 3 4 5; do
  cp -a $VENV "$(old $number)"
done
printf 'the only copy' > "$(old 1)/lib/notes.txt"
rm -rf "$(old 2)"; mkdir "$(old 2)"; cp -a "$ROOT/manage.py" "$ROOT/$PACKAGE" "$(old 2)"
printf 'PRICE = 7\\n' >> "$(old 2)/$PACKAGE/settings.py"
printf 'PRICE = 7\\n' > "$(echo "$(old 3)"/lib/python3*/site-packages)/prices.py"
chown -R --reference="$ROOT" "$(old 1)" "$(old 2)" "$(old 3)"
"""
OLD_ONES = "find $VENV.rescue502-old-* /var/lib/rescue502/environments/*/* -maxdepth 0 -name '*rescue502-old-2026010*'"


@pytest.mark.nightly
def test_the_file_that_was_installed_is_used(site: Site) -> None:
    """A package is gone: it comes from production.txt, and none of the old file's versions is installed."""
    site.host.break_with("", TWO_FILES)
    before = site.host.run(VERSIONS).stdout
    site.host.break_with("dependencies/missing")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], named(incident)) == (0, "recovered", ["dependencies/missing"]), output
    wanted = incident["evidence"]["dependencies"]["requirements"]
    assert (wanted["path"], wanted["proved"]) == (f"{site.shape.root}/requirements/production.txt", True), wanted
    assert site.host.run(VERSIONS).stdout == before
    assert site.host.run("ls $ROOT | grep rescue502 || true").stdout == ""
    # What is kept of the old environment is no finding, no matter who may read it, also next to the new one.
    site.host.run("mv /var/lib/rescue502/environments/*/* $ROOT")
    site.host.run("find $VENV.rescue502-old-* -type d -exec chown root: {} + -exec chmod 700 {} +")
    code, incident, output = site.play("diagnose", rescue502_level="full")
    assert (code, incident["outcome"], incident["findings"]) == (0, "healthy", []), output
    # Another fault, which no package has to do with: nothing is installed for it, approved or not.
    site.host.break_with("", FAILS)
    before_all = site.host.snapshot()
    code, incident, output = site.play(
        "recover", rescue502_approve=["dependencies/missing", "dependencies/version-conflict"]
    )
    assert "pip_install" not in [action["remedy"] for action in incident["actions"]], output
    assert named(incident) == ["code/raises-on-import"], output
    assert differences(before_all, site.host.snapshot()) == set()


@pytest.mark.nightly
def test_where_it_is_not_known_a_person_decides(site: Site) -> None:
    """Two files fit equally well: nothing is installed until somebody says which one is in use."""
    site.host.break_with("", TIE)
    site.host.break_with("dependencies/missing")
    before = site.host.snapshot()
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (2, "needs-approval"), output
    assert [item["id"] for item in incident["awaiting"]] == ["dependencies/missing"]
    assert "requirements-next.txt" in incident["root_causes"][0]["because"]
    assert differences(before, site.host.snapshot()) == set()
    code, incident, output = site.play("recover", rescue502_requirements=f"{site.shape.root}/requirements.txt")
    assert (code, incident["outcome"]) == (0, "recovered"), output


@pytest.mark.nightly
def test_what_somebody_put_into_an_environment_is_never_removed(site: Site) -> None:
    """Of the old environments those stay that hold a file which no installer brings; so does one with an app's data."""
    site.host.break_with("", KEEPS_OWN_FILES)
    site.host.break_with("dependencies/missing")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"]) == (0, "recovered"), output
    # And of the others the newest: of the two that stay, one is what this recovery has put aside.
    kept = [path.split("-old-2026010")[1][0] for path in site.host.run(OLD_ONES).stdout.split()]
    assert sorted(kept) == ["1", "2", "3", "5"], "those with files of their own, and the newest"
    assert site.host.run("cat $VENV.rescue502-old-20260101T120000Z/lib/notes.txt").stdout == "the only copy"
    of_code = "cat $VENV.rescue502-old-20260102T120000Z/$PACKAGE/settings.py"
    assert "PRICE = 7" in site.host.run(of_code).stdout
    assert site.host.run("cat $VENV.rescue502-old-20260103T120000Z/lib/python3*/site-packages/prices.py").stdout
    site.host.run("mkdir $VENV/data; printf 'rows' > $VENV/data/rows; chown -R $APP_USER: $VENV/data")
    inode = site.host.run("stat -c %i $VENV").stdout
    site.host.break_with("dependencies/missing")
    code, incident, output = site.play("recover")
    assert (code, incident["outcome"], site.host.run("stat -c %i $VENV").stdout) == (0, "recovered", inode), output
    site.host.break_with("dependencies/venv-broken")
    before = site.host.snapshot()
    code, incident, output = site.play("recover")
    assert (code, named(incident)) == (2, ["dependencies/venv-broken"]), output
    assert "venv/data is no part of a virtual environment" in incident["actions"][0]["message"]
    assert differences(before, site.host.snapshot()) == set()
