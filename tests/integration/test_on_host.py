# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules in playbooks: on Windows hosts in the worker process, on others by AnsiballZ, and what Ansible offers around both."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.lockstep.backup.plugins.module_utils.host.posix import PosixHost
from ansible_collections.lockstep.backup.plugins.module_utils.owner import owner_of_process
from tests.integration.killing import wait_until
from tests.integration.support import PlaybookRun, run_playbook, write_playbook
from tests.lab.lab import ADMIN_PASSWORD, Lab

Task = dict[str, t.Any]

QUIESCE, VAULT, EXPORT = (f"lockstep.backup.{name}" for name in ("win_service_quiesce", "backup_vault", "oracle_schema_export"))


def query(name: str, **options: t.Any) -> Task:
    """A task that asks for one service and changes nothing."""
    return {
        "name": f"Ask for {name}",
        QUIESCE: {"state": "query", "name": "test", "units": [{"kind": "service", "name": name}]},
        **options,
    }


def play(lab: Lab, tasks: list[Task], *arguments: str, hosts: str = "aes1", **variables: t.Any) -> PlaybookRun:
    """Run these tasks on hosts of the lab; ``variables`` are those of the play."""
    return run_playbook(lab, write_playbook(lab.root, tasks, hosts, vars=variables), *arguments)


def states(result: t.Mapping[str, t.Any]) -> dict[str, str]:
    return {unit["name"]: unit["state"] for unit in result["units"]}


# Windows: in the worker process


def test_tasks_run_on_the_host_that_ansible_says_with_its_own_connection(lab: Lab) -> None:
    machine = lab.hosts["ora2"].machine
    machine.services.stop(machine.services["Spooler"])
    tasks = [
        {**query("{{ item }}"), "name": "In a loop", "loop": ["Spooler", "W32Time"], "register": "asked"},
        {"name": "Registered", "ansible.builtin.debug": {"msg": "{{ asked.results | map(attribute='units') | map('first') }}"}},
        {**query("Spooler"), "name": "Delegated", "delegate_to": "{{ other[inventory_hostname] }}"},
        {**query("{{ service }}"), "name": "Templated", "vars": {"service": "{{ 'Spool' ~ ending }}"}},
    ]
    run = play(lab, tasks, hosts="aes1,aes2", other={"aes1": "ora2", "aes2": "ora1"}, ending="er")
    assert run.exit_code == 0, run.output
    for host, other in (("aes1", "Stopped"), ("aes2", "Running")):
        found = {unit["name"]: unit["detail"] for unit in run.result("Registered", host)["msg"]}
        assert found == {"Spooler": "Running", "W32Time": "Running"}
        assert run.result("Delegated", host)["units"][0]["detail"] == other
        assert states(run.result("Templated", host)) == {"Spooler": "running"}
    # Not a thing is left on any host, and nothing but the modules' requests was sent there.
    for machine_of_the_lab in lab.hosts.values():
        assert len(machine_of_the_lab.endpoint.shells) == 0
    assert [entry.command_line for entry in lab.process_history if "powershell" in entry.command_line.lower()] == []


def test_check_mode_and_diff_show_what_would_be_and_do_nothing(lab: Lab) -> None:
    quiesce: Task = {QUIESCE: {"name": "test", "units": [{"kind": "service", "name": "Spooler"}], "max_outage": 600}}
    tasks: list[Task] = [
        {"name": "Only checked", "check_mode": True, "diff": True, **quiesce},
        {"name": "Done", **quiesce},
        {"name": "Done twice", **quiesce},
        {"name": "Given back", QUIESCE: {"name": "test", "state": "resumed"}},
    ]
    run = play(lab, tasks[:1])
    spooler = lab.hosts["aes1"].machine.services["Spooler"]
    assert spooler.history == ["Running"]
    checked = run.result("Only checked")
    assert checked["changed"] is True
    assert checked["diff"] == {"before": "service Spooler: running\n", "after": "service Spooler: stopped\n"}
    assert "-service Spooler: running" in run.output
    run = play(lab, tasks, "--check", "--diff")
    assert run.exit_code == 0
    assert spooler.history == ["Running"]
    run = play(lab, tasks, "--diff")
    assert [step["action"] for step in run.result("Done")["plan"]] == [step["action"] for step in checked["plan"]]
    assert [run.result(name)["changed"] for name in ("Done", "Done twice", "Given back")] == [True, False, True]
    assert spooler.history == ["Running", "Stop Pending", "Stopped", "Start Pending", "Running"]
    assert "+service Spooler: stopped" in run.output


def test_secrets_come_from_ansible_vault_and_go_nowhere(lab: Lab, tmp_path: pathlib.Path) -> None:
    """Inline ``!vault`` values as connection password, as option, and inside a template."""
    key = tmp_path / "vault-password"
    key.write_text("lab")
    sealed = VaultLib([("default", VaultSecret(b"lab"))])

    def vaulted(text: str) -> str:
        lines = sealed.encrypt(text).decode().splitlines()
        return "!vault |\n" + "\n".join(f"        {line}" for line in lines)

    inventory = tmp_path / "secrets.yml"
    inventory.write_text(
        f"all:\n  hosts:\n    aes1:\n      ansible_password: {vaulted(ADMIN_PASSWORD)}\n"
        f"      schema_password: {vaulted('wrong-password-Fake2')}\n      service: {vaulted('Spooler')}\n"
    )
    export = {"state": "query", "schema": "AESUSER313", "password": "{{ schema_password }}", "dsn": "{{ dsn }}"}
    tasks = [
        query("{{ service }}"),
        {"name": "Log on", EXPORT: export, "delegate_to": "ora1", "ignore_errors": True},
        {"name": "Named as its password", EXPORT: {**export, "password": "AESUSER313"}, "ignore_errors": True},
        {**query("W32Time"), "name": "Hidden", "no_log": True},
    ]
    dsn = f"{lab.hosts['ora1'].address}:1521/XE"
    run = play(lab, tasks, "-vvv", "--inventory", str(inventory), "--vault-password-file", str(key), dsn=dsn)
    assert run.exit_code == 0, run.output
    assert states(run.result("Ask for Spooler")) == {"Spooler": "running"}
    assert run.result("Log on")["error_code"] == "oracle_login_failed"
    assert run.result("Named as its password")["schema"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    for secret in ("wrong-password-Fake2", ADMIN_PASSWORD):
        assert secret not in run.output
        assert secret not in json.dumps(run.events)
    assert "W32Time" not in run.output.partition("[Hidden]")[2].partition("TASK")[0]


def test_psrp_variables_lead_to_the_same_hosts_without_psrp(lab: Lab, tmp_path: pathlib.Path) -> None:
    authority = str(lab.authority.certificate_path)
    hosts = {
        "aes1": {"ansible_psrp_protocol": "http", "ansible_psrp_auth": "negotiate", "ansible_psrp_message_encryption": "always"},
        "aes2": {"ansible_psrp_auth": "basic", "ansible_psrp_ca_cert": authority},
    }
    inventory = tmp_path / "psrp.json"
    inventory.write_text(
        json.dumps({"all": {"hosts": {name: {**own, "ansible_connection": "psrp"} for name, own in hosts.items()}}})
    )
    run = play(lab, [query("Spooler")], "--inventory", str(inventory), hosts="aes1,aes2")
    assert run.exit_code == 0, run.output
    for host in hosts:
        assert states(run.result("Ask for Spooler", host)) == {"Spooler": "running"}


def test_what_cannot_work_is_told_without_a_traceback(lab: Lab) -> None:
    told: dict[str, tuple[Task, str, str]] = {
        "over ssh": (
            {"vars": {"ansible_connection": "ssh", "ansible_shell_type": "powershell"}},
            "connection_unsupported",
            "aes1: lockstep.backup.win_service_quiesce reaches Windows over the connections winrm and psrp, not over ssh",
        ),
        "in the background": ({"async": 60, "poll": 0}, "arguments_invalid", "takes no async"),
        "with an unknown option": ({QUIESCE: {"name": "test", "nonsense": 1}}, "arguments_invalid", "nonsense"),
        "without an option": ({QUIESCE: {"state": "quiesced", "name": "test"}}, "arguments_invalid", "units"),
        "with a wrong password": ({"vars": {"ansible_password": "wrong"}}, "authentication_failed", "Correct ansible_user"),
        "where nobody listens": ({"vars": {"ansible_port": 5999}}, "unreachable", ":5999/wsman cannot be reached"),
        "by a transport that the host does not offer": (
            {"vars": {"ansible_winrm_transport": "basic", "ansible_winrm_message_encryption": "auto"}},
            "authentication_failed",
            "the host may not offer it",
        ),
        "with a time-out that is no number": ({"vars": {"ansible_winrm_read_timeout_sec": "soon"}}, "protocol_error", "soon"),
    }
    tasks = [
        {**query("Spooler"), **options, "name": name, "ignore_errors": True} for name, (options, _slug, _words) in told.items()
    ]
    run = play(lab, tasks)
    assert run.exit_code == 0, run.output
    for name, (_options, slug, words) in told.items():
        (event,) = [event for event in run.events if event["task"] == name]
        result = event["result"]
        assert event["failed"], result
        assert result.get("error_code", "") == slug, result
        assert words in result["msg"], result
        assert "Traceback" not in json.dumps(result)


def test_a_missing_pywinrm_is_told_by_the_task_that_needs_it_and_by_no_other(
    lab: Lab, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hidden" / "winrm").mkdir(parents=True)
    (tmp_path / "hidden" / "winrm" / "__init__.py").write_text("raise ImportError('hidden by the test')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "hidden"))
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    tasks = [
        {**query("Spooler"), "ignore_errors": True},
        {"name": "Here", VAULT: {"state": "query", "path": str(tmp_path / "vault"), "installation": "test"}, "vars": local},
    ]
    run = play(lab, tasks)
    assert run.exit_code == 0, run.output
    assert run.result("Ask for Spooler")["error_code"] == "library_missing"
    assert "hidden by the test" in run.result("Ask for Spooler")["msg"]
    assert run.result("Here")["good_sets"] == []


# other hosts: by AnsiballZ


def here(lab: Lab, tasks: list[Task], *arguments: str) -> PlaybookRun:
    """On this machine, as on a POSIX host."""
    return play(lab, tasks, *arguments, hosts="localhost", ansible_connection="local", ansible_python_interpreter=sys.executable)


def test_a_set_on_a_posix_host(lab: Lab, tmp_path: pathlib.Path) -> None:
    vault = tmp_path / "vault"
    common = {"path": str(vault), "installation": "test", "system": "test"}
    tasks = [
        {"name": "Open", VAULT: {**common, "state": "opened"}, "register": "opened"},
        {
            "name": "Make the part",
            "ansible.builtin.copy": {"dest": "{{ opened.folder }}/part.txt", "content": "data\n", "mode": "0600"},
        },
        {
            "name": "Commit",
            VAULT: {
                **common,
                "state": "committed",
                "set": "{{ opened.set }}",
                "grade": "quiesced",
                "parts": [{"path": "part.txt", "kind": "file"}],
            },
        },
    ]
    assert here(lab, tasks[:1], "--check").result("Open", "localhost")["changed"] is True
    assert not vault.exists()
    run = here(lab, tasks)
    assert run.exit_code == 0, run.output
    (made,) = (vault / "Recent").iterdir()
    assert json.loads((made / "manifest.json").read_text())["parts"][0]["bytes"] == 5
    assert not (vault / "Lock").exists()


def test_processes_and_commands_of_a_posix_host_are_stopped_and_started_again(lab: Lab, tmp_path: pathlib.Path) -> None:
    name = f"lockstep-{os.getpid()}"
    program, flag = tmp_path / name, tmp_path / "runs"
    shutil.copy(shutil.which("sleep") or "sleep", program)
    flag.touch()
    units = [
        {"kind": "process", "name": name, "start": {"argv": [str(program), "1000"]}},
        {
            "kind": "command",
            "name": "own",
            "stop": {"argv": ["rm", str(flag)]},
            "start": {"argv": ["touch", str(flag)]},
            "check": {"argv": ["sh", "-c", f"test -e {flag} || exit 3"]},
        },
    ]
    options = {"name": "test", "state_folder": str(tmp_path / "state")}
    quiesced = {"name": "Stop", QUIESCE: {**options, "units": units}}
    resumed = {"name": "Start", QUIESCE: {**options, "state": "resumed"}}
    process = subprocess.Popen([str(program), "1000"])
    host = PosixHost()
    try:
        assert here(lab, [quiesced], "--check").exit_code == 0
        assert process.poll() is None
        run = here(lab, [quiesced, {**query("x"), "name": "Ask", QUIESCE: {**options, "state": "query"}}])
        assert run.exit_code == 0, run.output
        assert process.wait(10) != 0
        assert not flag.exists()
        assert {unit["name"]: unit["state"] for unit in run.result("Ask", "localhost")["units"]} == {
            name: "stopped",
            "own": "stopped",
        }
        # The first run is over without having resumed: this one proves that, and gives back what it left.
        run = here(lab, [resumed])
        assert run.exit_code == 0, run.output
        assert run.result("Start", "localhost")["recovered_from"]["control_node"].startswith(os.uname().nodename)
        assert flag.exists()
        wait_until(lambda: len(host.processes(name)) == 1, "the program runs again")
        assert list((tmp_path / "state" / "quiesce").iterdir()) == []
    finally:
        for pid in host.processes(name):
            os.kill(pid, 9)
        process.wait(10)


def test_the_lock_of_a_dead_run_is_taken_over_by_the_next_one_and_a_live_ones_is_not(lab: Lab, tmp_path: pathlib.Path) -> None:
    alive = owner_of_process(os.getpid())
    # By its boot and process it would be over, if it were of this machine.
    unknown = {**alive.as_dict(), "control_node": "another-machine", "boot_id": "another", "run_id": "0123456789ab"}

    def opened(name: str, **options: t.Any) -> Task:
        common = {"path": str(tmp_path / name), "installation": name, "system": "test", "state": "opened"}
        return {"name": f"Open {name}", VAULT: {**common, **options}, "ignore_errors": True}

    names = ("dead", "alive", "elsewhere")
    run = here(lab, [opened("dead"), opened("alive", owner=alive.as_dict()), opened("elsewhere", owner=unknown)])
    assert run.failures("localhost") == [], run.output
    left = run.result("Open dead", "localhost")["set"]
    run = here(lab, [opened(name) for name in names])
    assert run.result("Open dead", "localhost")["recovered"] == [left]
    manifest = json.loads((tmp_path / "dead" / "Failed" / left / "manifest.json").read_text())
    assert manifest["state"] == "failed"
    assert "ended before the set was complete" in manifest["error"]
    for name, holder in (("alive", alive.describe()), ("elsewhere", "another-machine")):
        refused = run.result(f"Open {name}", "localhost")
        assert refused["error_code"] == "run_in_progress"
        assert holder in refused["msg"]
        assert "dead_run=" in refused["msg"]
    # A person says that the other control node is gone for good.
    run = here(lab, [opened("elsewhere", dead_run="0123456789ab")])
    assert len(run.result("Open elsewhere", "localhost")["recovered"]) == 1
