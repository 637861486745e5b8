# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated exp.exe and imp.exe."""

from __future__ import annotations

import types
import typing as t

import pytest

from tests.lab import sites
from tests.lab.oracle import dump
from tests.lab.oracle.database import Database
from tests.lab.windows.machine import Machine
from tests.lab.windows.programs.oracle import Account, parse_userid, read_parameters
from tests.unit.lab_windows.conftest import Ended, Runner, wait_for

ENGLISH = types.MappingProxyType({"NLS_LANG": "AMERICAN_AMERICA.AL32UTF8"})
ONLY_FILES: t.Mapping[str, str | None] = {"owner": None, "statistics": None, "consistent": None}
"""Takes away what imp does not have."""
NOTHING: t.Mapping[str, str | None] = types.MappingProxyType({})
DUMP, LOG = r"C:\Backups\a.dmp", r"C:\Backups\a.log"


@pytest.fixture
def database(machine: Machine) -> Database:
    return sites.build_oracle_host(machine, "127.31.1.2")


def _parameters(machine: Machine, changed: t.Mapping[str, str | None] = NOTHING) -> None:
    given: dict[str, str | None] = {
        "userid": f'{sites.SCHEMA}/"{sites.SCHEMA_PASSWORD}"@//localhost:1521/XE',
        "owner": sites.SCHEMA,
        "file": DUMP,
        "log": LOG,
        "statistics": "none",
        "consistent": "y",
        **changed,
    }
    lines = [f"{name}={value}" for name, value in given.items() if value is not None]
    machine.files.write(r"C:\p.par", "\r\n".join([*lines, ""]).encode())


def _exp(
    run: Runner, changed: t.Mapping[str, str | None] = NOTHING, program: str = "exp", environment: t.Mapping[str, str] = ENGLISH
) -> Ended:
    _parameters(run.machine, changed)
    return run(rf"{program}.exe parfile=C:\p.par", environment=environment)


def _log(machine: Machine, encoding: str = "utf-8") -> list[str]:
    return machine.files.read(LOG).decode(encoding).split("\r\n")


def _read_dump(machine: Machine) -> dump.SchemaDump:
    real = machine.files.real(DUMP)
    assert real is not None
    return dump.read_classic(real)


def test_an_export_really_contains_the_schema(run: Runner, machine: Machine, database: Database) -> None:
    ended = _exp(run)
    assert ended.code == 0
    content = _read_dump(machine)
    assert content.row_counts() == {"ALU_ITEM": 40, "ALU_LINK": 39, "ALU_USER": 2}
    assert ("Jürgen Müller",) in content.tables[2].rows
    assert content.scn is not None
    assert _log(machine)[-2] == "Export terminated successfully without warnings."
    assert ". . exporting table                       ALU_ITEM         40 rows exported" in _log(machine)
    assert ended.err == machine.files.read(LOG).decode()


def test_without_consistent_there_is_no_common_moment(run: Runner, machine: Machine, database: Database) -> None:
    _exp(run, {"consistent": "n"})
    assert _read_dump(machine).scn is None


def test_messages_come_in_the_language_of_the_installation_unless_forced(run: Runner, machine: Machine, database: Database) -> None:
    _exp(run, environment={})
    assert _log(machine, "cp1252")[-2] == "Export-Vorgang erfolgreich ohne Warnungen beendet"
    _exp(run, {"statistics": "estimate"}, environment={"NLS_LANG": "SPANISH_SPAIN.WE8MSWIN1252"})
    assert "EXP-00091: Exportando estadísticas cuestionables." in _log(machine, "cp1252")


def test_another_character_set_with_statistics_ends_with_warnings(run: Runner, machine: Machine, database: Database) -> None:
    _exp(run, {"statistics": None}, environment={"NLS_LANG": "AMERICAN_AMERICA.WE8MSWIN1252"})
    assert "EXP-00091: Exporting questionable statistics." in _log(machine)
    assert "server uses AL32UTF8 character set (possible charset conversion)" in _log(machine)
    assert _log(machine)[-2] == "Export terminated successfully with warnings."


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"userid": f'{sites.SCHEMA}/"wrong"@//localhost:1521/XE'}, "ORA-01017"),
        ({"userid": f"{sites.SCHEMA}/x@nothing"}, "ORA-12154"),
        ({"userid": f'{sites.SCHEMA}/"{sites.SCHEMA_PASSWORD}"@//localhost:1521/OTHER'}, "ORA-12514"),
        ({"userid": f'{sites.SCHEMA}/"{sites.SCHEMA_PASSWORD}"@//elsewhere:1521/XE'}, "ORA-12541"),
        ({"userid": f"{sites.SCHEMA}/{sites.SCHEMA_PASSWORD}"}, "ORA-12560"),
        ({"userid": None}, "EXP-00005"),
        ({"owner": "SYSTEM"}, "EXP-00032"),
        ({"log": r"C:\nowhere\a.log"}, "EXP-00028"),
        ({"file": r"C:\nowhere\a.dmp"}, "EXP-00028"),
    ],
)
def test_errors_end_unsuccessfully(run: Runner, database: Database, changed: dict[str, str | None], error: str) -> None:
    ended = _exp(run, changed)
    assert ended.code == 1
    assert error in ended.err
    assert ended.err.splitlines()[-1] == "EXP-00000: Export terminated unsuccessfully"


@pytest.mark.parametrize(("service", "error"), [("OracleOraDB19Home1TNSListener", "ORA-12541"), ("OracleServiceXE", "ORA-01034")])
def test_stopped_services_cannot_be_reached(run: Runner, machine: Machine, database: Database, service: str, error: str) -> None:
    run(f"net.exe stop {service} /y")
    assert error in _exp(run).err


def test_a_listener_that_is_down_refuses(run: Runner, database: Database) -> None:
    database.faults.add("down")
    assert "ORA-12541" in _exp(run).err


@pytest.mark.parametrize(
    ("fault", "value", "code", "last"),
    [
        ("exp_warnings", None, 0, "Export terminated successfully with warnings."),
        ("exp_error", None, 1, "EXP-00000: Export terminated unsuccessfully"),
        ("exp_error_exit_0", 3113, 0, "EXP-00000: Export terminated unsuccessfully"),
        ("exp_no_end_line", None, 0, ". exporting referential integrity constraints"),
        ("exp_truncated_dump", None, 0, "Export terminated successfully without warnings."),
        ("exp_no_dump", None, 0, "Export terminated successfully without warnings."),
    ],
)
def test_faults_of_the_export(
    run: Runner, machine: Machine, database: Database, fault: str, value: int | None, code: int, last: str
) -> None:
    machine.faults.set(fault, value)
    assert _exp(run).code == code
    assert _log(machine)[-2] == last
    if fault == "exp_no_dump":
        assert not machine.files.exists(DUMP)
    elif fault not in ("exp_warnings", "exp_no_end_line"):
        with pytest.raises(dump.DumpDamaged):
            _read_dump(machine)


def test_the_exit_code_for_warnings_can_be_another(run: Runner, machine: Machine, database: Database) -> None:
    machine.faults.set("exp_warnings")
    machine.faults.set("exp_warnings_exit", 2)
    assert _exp(run).code == 2


def test_the_tools_can_be_missing(run: Runner, machine: Machine, database: Database) -> None:
    machine.faults.set("exp_missing")
    assert run.cmd("exp help=y & imp help=y").code == 9009
    machine.faults.clear()
    assert run.cmd("exp help=y & imp help=y").code == 0


def test_an_export_takes_the_machines_time(run: Runner, machine: Machine, database: Database) -> None:
    machine.clock.freeze()
    machine.faults.set("exp_seconds", 90)
    _parameters(machine)
    job = machine.create_detached(r"exp.exe parfile=C:\p.par", None, run.user)
    for _table in range(3):
        assert machine.processes.find(job.process.pid) is not None
        wait_for(lambda: machine.files.in_use(DUMP))
        machine.clock.advance(30)
    machine.clock.thaw()
    machine.faults.clear()
    machine.clock.advance(90)
    wait_for(lambda: machine.processes.find(job.process.pid) is None)


def test_a_full_disk_ends_the_export(run: Runner, machine: Machine, database: Database) -> None:
    _parameters(machine)
    machine.faults.set("disk_full_after", 700)
    ended = run(r"exp.exe parfile=C:\p.par", environment=ENGLISH)
    assert ended.code == 1
    assert "EXP-00002" in ended.err


def test_a_hanging_export_can_be_killed(run: Runner, machine: Machine, database: Database) -> None:
    machine.faults.set("exp_hangs")
    _parameters(machine)
    job = machine.create_detached(r"exp.exe parfile=C:\p.par", None, run.user)
    wait_for(lambda: machine.files.exists(DUMP) and machine.files.size(DUMP) > 1000)
    machine.processes.kill(job.process)
    wait_for(lambda: not machine.files.in_use(DUMP) and not machine.files.in_use(LOG))


def test_without_a_parameter_file_the_documents_own_form_works(run: Runner, machine: Machine, database: Database) -> None:
    """That form shows the password to everybody who lists processes; the lab's history proves it."""
    line = f"exp {sites.SCHEMA}/{sites.SCHEMA_PASSWORD}@xe owner={sites.SCHEMA} file={DUMP} log={LOG} statistics=none"
    assert run(line, environment=ENGLISH).code == 0
    assert any(sites.SCHEMA_PASSWORD in started.command_line for started in machine.recorder.process_history)


def test_an_import_brings_the_rows_back(run: Runner, machine: Machine, database: Database) -> None:
    _exp(run)
    database.delete_rows(sites.SCHEMA, "ALU_ITEM")
    del database.tables[sites.SCHEMA]["ALU_ITEM"]
    ended = _exp(run, {**ONLY_FILES, "fromuser": sites.SCHEMA, "touser": sites.SCHEMA}, "imp")
    assert len(database.tables[sites.SCHEMA]["ALU_ITEM"].rows_at(database.scn)) == 40
    # The other tables are there already.
    assert "IMP-00015" in ended.err
    assert ended.err.splitlines()[-1] == "Import terminated successfully with warnings."


def test_an_import_refuses_what_is_no_complete_dump(run: Runner, machine: Machine, database: Database) -> None:
    machine.faults.set("exp_truncated_dump")
    _exp(run)
    assert "IMP-00009" in _exp(run, ONLY_FILES, "imp").err
    machine.files.write(DUMP, b"something")
    assert "IMP-00010" in _exp(run, ONLY_FILES, "imp").err
    machine.files.remove_file(DUMP)
    assert "IMP-00002" in _exp(run, ONLY_FILES, "imp").err


def test_an_unknown_parameter_is_recorded(run: Runner, database: Database, take_unknown: t.Callable[[], list[str]]) -> None:
    assert _exp(run, {"volsize": "1"}).code == 87
    assert len(take_unknown()) == 1


def test_help_needs_no_database(run: Runner, database: Database) -> None:
    database.faults.add("down")
    assert run("exp.exe help=y").code == 0


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ('U/"p@ss w/ord"@//h:1521/s', Account("U", "p@ss w/ord", "//h:1521/s")),
        ('"mixed"/p@xe', Account("mixed", "p", "xe")),
        ("u/p", Account("U", "p", "")),
        ("u", None),
        ("/ as sysdba", None),
    ],
)
def test_logins_are_read(text: str, account: Account | None) -> None:
    assert parse_userid(text) == account


def test_parameter_files_have_comments_and_quotes() -> None:
    text = '# comment\r\n\r\nuserid=u/"p"@x\r\nowner = (A)\r\nfile="C:\\a b.dmp"\r\n'
    assert read_parameters(text) == {"userid": 'u/"p"@x', "owner": "A", "file": "C:\\a b.dmp"}


SYSTEM = {"userid": f'system/"{sites.SYSTEM_PASSWORD}"@//localhost:1521/XE'}
FULL: t.Mapping[str, str | None] = {**SYSTEM, "owner": None, "full": "y"}


def test_a_full_export_names_every_user_and_needs_a_dba(run: Runner, machine: Machine, database: Database) -> None:
    database.add_user("SCOTT", "tiger")
    database.add_table("SCOTT", "EMP", {"NAME": "VARCHAR2(20)"}, [("KING",)])
    assert _exp(run, FULL).code == 0
    lines = _log(machine)
    assert "About to export the entire database ..." in lines
    begin = lines.index(". about to export SCOTT's tables via Conventional Path ...")
    assert "EMP" in lines[begin + 1]
    assert _read_dump(machine).row_counts()["SCOTT.EMP"] == 1
    ended = _exp(run, {"owner": None, "full": "y"})
    assert ended.code == 1
    assert "EXP-00023: must be a DBA to do Full Database or Tablespace export" in ended.err


def test_full_and_owner_together_are_a_conflict(run: Runner, machine: Machine, database: Database) -> None:
    assert "conflicting modes" in _exp(run, {**SYSTEM, "full": "y"}).err


def test_a_full_dump_is_imported_by_a_dba_only(run: Runner, machine: Machine, database: Database) -> None:
    _exp(run, FULL)
    back = {**ONLY_FILES, "full": "y"}
    assert "IMP-00013" in _exp(run, back, "imp").err
    database.tables[sites.SCHEMA].clear()
    ended = _exp(run, {**back, **SYSTEM}, "imp")
    assert 'CREATE USER "AESUSER313"' in ended.err
    assert ended.err.rstrip().endswith("Import terminated successfully with warnings.")
    assert len(database.tables[sites.SCHEMA]) == 3
