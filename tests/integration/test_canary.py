# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret is in anything that anybody could read, however a run ends."""

from __future__ import annotations

import base64
import collections.abc
import json
import pathlib
import time
import typing as t

import pytest

from tests.integration.killing import Chosen, Run, never, when
from tests.integration.nights import KEPT, Nights
from tests.integration.promises import error_codes
from tests.integration.secret_search import Watch, places_of, search, spellings
from tests.integration.support import PlaybookRun, read_trace, write_playbook
from tests.lab import lab as lab_module
from tests.lab.lab import ADMIN, Lab
from tests.lab.record import AFTER, BEFORE, Request, Started
from tests.lab.sites import SCHEMA

WINDOWS, SCHEMAS, ADMINS, WALLET, DRILL = (
    "Windows password",
    "schema password",
    "admin password",
    "wallet password",
    "drill password",
)
# With everything that shells, batch files, parameter files, URLs, XML and JSON would spell otherwise.
SECRETS: t.Mapping[str, str] = {
    WINDOWS: "kanarie-1 W%in&d<o>w^s!",
    SCHEMAS: "kanarie-2 Sch%e/m@a#&x",
    ADMINS: "kanarie-3 Adm%i'n<&>",
    WALLET: "kanarie-4 Wal%l/et&",
    DRILL: "kanarie-5 Dr%i/ll&<x>",
}
VERBOSE = ("-vvvv", "--diff")
DRILL_SCHEMA = "AES_DRILL"


@pytest.fixture
def lab(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> collections.abc.Iterator[Lab]:
    """An installation whose passwords are the marked ones."""
    monkeypatch.setattr(lab_module, "ACCOUNTS", ((ADMIN, SECRETS[WINDOWS], True),))
    with Lab(tmp_path / "lab", installations=1) as running:
        database = running.hosts["ora1"].database
        assert database is not None
        database.users[SCHEMA].password = SECRETS[SCHEMAS]
        database.users["SYSTEM"].password = SECRETS[ADMINS]
        database.add_user(DRILL_SCHEMA, SECRETS[DRILL])
        yield running
        assert list(running.unknown) == []


def secret_variables(folder: pathlib.Path) -> list[str]:
    """As a site does it: in a file of variables, outside of everything that is searched."""
    path = folder / "secrets.json"
    variables = {
        "ansible_password": SECRETS[WINDOWS],
        "altium_enterprise_server_oracle_password": SECRETS[SCHEMAS],
        "altium_enterprise_server_oracle_admin_password": SECRETS[ADMINS],
        "altium_enterprise_server_drill_schema": DRILL_SCHEMA,
        "altium_enterprise_server_drill_password": SECRETS[DRILL],
    }
    path.write_text(json.dumps(variables), encoding="utf-8")
    return ["--extra-vars", f"@{path}"]


class Canary:
    """Runs with the marked secrets, watched."""

    def __init__(self, lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
        self.lab = lab
        self.watch = Watch(lab, monkeypatch, tmp_path / "ansible")
        self._variables = secret_variables(tmp_path)

    def run(
        self,
        *arguments: str,
        chosen: Chosen = never,
        playbook: str | pathlib.Path = "nightly",
        after_each_look: t.Callable[[], None] = lambda: None,
        **variables: t.Any,
    ) -> Run:
        options = [*self._variables, *VERBOSE, *arguments]
        run = Run(self.lab, chosen, playbook, arguments=options, environment=self.watch.environment(), **variables)
        stop = self.lab.on_request(lambda moment, request: self.watch.look(run) if request.mutating else None)
        try:
            with run:
                while run.process.poll() is None:
                    self.watch.look(run)
                    after_each_look()
                    time.sleep(0.01)
                run.wait()
        finally:
            stop()
        return run

    def found(self, run: Run) -> list[str]:
        return [*self.watch.readable, *search(SECRETS, self.watch.places(run))]


@pytest.fixture
def canary(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> Canary:
    return Canary(lab, monkeypatch, tmp_path)


def was_really_used(canary: Canary) -> bool:
    """The password reached the tool, in its parameter file."""
    return any(SECRETS[SCHEMAS].encode() in content for _path, content in canary.watch.private)


def test_a_run_that_goes_well_shows_no_secret(canary: Canary) -> None:
    run = canary.run()
    assert run.process.returncode == 0, run.output
    assert was_really_used(canary)
    assert canary.watch.samples, "no process was looked at"
    assert canary.found(run) == []


def test_check_mode_shows_no_secret(canary: Canary) -> None:
    run = canary.run("--check")
    assert run.process.returncode == 0, run.output
    assert canary.found(run) == []


def other_password(lab: Lab) -> None:
    database = lab.hosts["ora1"].database
    assert database is not None
    database.users[SCHEMA].password = "another"


def disk_fills_up(lab: Lab) -> None:
    def look(moment: str, request: Request) -> None:
        if moment == BEFORE and ".par.tmp" in request.text:
            lab.faults.set("ora1", "disk_full_after", 10)

    lab.on_request(look)


FAILURES: t.Mapping[str, tuple[t.Callable[[Lab], None], str]] = {
    "exp fails": (lambda lab: lab.faults.set("ora1", "exp_error"), "oracle_snapshot_too_old"),
    "wrong schema password": (other_password, "oracle_login_failed"),
    "avbackup fails": (lambda lab: lab.faults.set("aes1", "avbackup_exit", 3), "tool_failed"),
    "connection breaks at the grant": (
        lambda lab: lab.faults.set("ora1", "database_drop_on", "GRANT DBA"),
        "oracle_connection_lost",
    ),
    "disk full at the parameter file": (disk_fills_up, "no_space"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_run_that_fails_shows_no_secret(canary: Canary, failure: str) -> None:
    prepare, code = FAILURES[failure]
    prepare(canary.lab)
    run = canary.run()
    assert run.process.returncode != 0
    assert code in error_codes(PlaybookRun(run.process.returncode, run.output, read_trace(run.trace)), "aes1")
    assert canary.found(run) == []
    assert list(canary.lab.root.rglob("*.par*")) == []


def test_a_windows_password_that_the_host_rejects_is_not_shown(canary: Canary) -> None:
    run = canary.run(ansible_user="somebody")
    assert run.process.returncode != 0
    assert canary.found(run) == []


def test_a_drill_shows_no_secret(canary: Canary) -> None:
    assert canary.run().process.returncode == 0
    run = canary.run(playbook="altium_restore")
    assert run.process.returncode == 0, run.output
    assert canary.found(run) == []


@pytest.mark.parametrize("passed", [True, False])
def test_a_wallet_password_is_not_shown(canary: Canary, tmp_path: pathlib.Path, passed: bool) -> None:
    """The lab has no wallet; the driver takes the password, and the module must not repeat it when the login fails."""
    task = {
        "lockstep.backup.oracle_schema_export": {
            "state": "query",
            "schema": SCHEMA,
            "dsn": "{{ altium_enterprise_server_oracle_dsn }}",
            "password": "{{ altium_enterprise_server_oracle_password }}" if passed else "{{ wallet }}",
            "wallet_password": "{{ wallet }}",
            "dump": r"C:\Backups\canary.dmp",
        },
        "vars": {"wallet": "{{ lookup('file', wallet_file) }}"},
        "delegate_to": "ora1",
    }
    (tmp_path / "wallet").write_text(SECRETS[WALLET], encoding="utf-8")
    run = canary.run(playbook=write_playbook(tmp_path, [task]), wallet_file=str(tmp_path / "wallet"))
    assert (run.process.returncode == 0) == passed, run.output
    assert canary.found(run) == []


def test_the_parameter_file_of_a_killed_run_is_private_and_gone_after_the_next(canary: Canary) -> None:
    nights = Nights(canary.lab)
    run = canary.run(chosen=when(AFTER, ".par.tmp"), **KEPT)
    assert run.killed_at is not None
    (path,) = (canary.lab.root / "ora1").rglob("*.par")
    assert [place for place in canary.found(run) if path.name not in place] == []
    files = canary.lab.hosts["ora1"].machine.files
    assert "/inheritance:r" in files.permissions[files.key(rf"C:\ProgramData\Lockstep\privileges\{path.name}")]
    run = canary.run(**KEPT)
    assert run.process.returncode == 0, run.output
    nights.home.service_is_back()
    assert canary.found(run) == []


# The search itself can fail: it finds what was planted.
@pytest.mark.parametrize("secret", SECRETS)
def test_the_search_knows_every_spelling(secret: str) -> None:
    for how, spelt in spellings(SECRETS[secret]).items():
        assert any(found.startswith(f"{secret} as ") for found in search(SECRETS, [("a place", b"before " + spelt + b" after")])), (
            how
        )
    for offset in range(7):
        for content in (SECRETS[secret].encode(), SECRETS[secret].encode("utf-16-le")):
            place = ("a place", base64.b64encode(b"x" * offset + content + b"more"))
            assert any(f"{secret} as base64" in found for found in search(SECRETS, [place]))


def test_the_search_finds_a_secret_that_a_playbook_shows(canary: Canary, tmp_path: pathlib.Path) -> None:
    tell = {"ansible.builtin.debug": {"msg": "{{ altium_enterprise_server_oracle_password }}"}}
    # A command that ends when it was seen.
    seen = tmp_path / "seen"
    command = {
        "ansible.builtin.command": {"argv": ["sh", "-c", f"until [ -e {seen} ]; do sleep 0.02; done"]},
        "environment": {"SHOWN": "{{ altium_enterprise_server_oracle_admin_password }}"},
        "delegate_to": "localhost",
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"},
    }

    def notice() -> None:
        if search(SECRETS, canary.watch.samples.items()):
            seen.touch()

    run = canary.run(playbook=write_playbook(tmp_path, [tell, command]), after_each_look=notice)
    assert run.process.returncode == 0, run.output
    found = canary.found(run)
    assert {f"{SCHEMAS} as JSON in the output", f"{SCHEMAS} as JSON in the results"} <= set(found)
    assert f"{SCHEMAS} as plain in ansible.log in ansible's folder" in found
    assert any(place.startswith(f"{ADMINS} as plain in environ of process") for place in found)


def test_the_search_finds_a_secret_on_a_host(canary: Canary) -> None:
    lab, secret = canary.lab, SECRETS[SCHEMAS]
    host = lab.hosts["ora1"]
    assert host.database is not None
    assert search(SECRETS, places_of(lab)) == []
    host.machine.files.write(r"C:\Windows\Temp\left.txt", secret.encode("utf-16-le"))
    lab.process_history.append(Started("ora1", 1, "SYSTEM", f"exp {SCHEMA}/{secret}", {}))
    lab.process_history.append(Started("ora1", 2, "SYSTEM", "exp", {"PASSWORD": secret}))
    places = {place.partition(" in ")[2] for place in search(SECRETS, [*places_of(lab), *canary.watch.written])}
    left = r"C:\Windows\Temp\left.txt"
    assert places == {"ora1: C/Windows/Temp/left.txt", f"ora1: {left}, as it was written", "ora1: process 1", "ora1: process 2"}


def test_a_parameter_file_that_everybody_can_read_is_noticed(canary: Canary) -> None:
    canary.lab.hosts["ora1"].machine.files.write(r"C:\Windows\Temp\open.par", SECRETS[SCHEMAS].encode())
    assert canary.watch.readable == [r"C:\Windows\Temp\open.par was written while everybody could read it"]
