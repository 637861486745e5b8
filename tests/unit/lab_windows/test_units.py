# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services, application pools, processes and scheduled tasks of the simulated machine."""

from __future__ import annotations

import datetime

import pytest

from tests.lab.windows import services
from tests.lab.windows.iis import Pool
from tests.lab.windows.machine import Machine
from tests.lab.windows.services import Service
from tests.lab.windows.tasks import DISABLED, READY, RUNNING, TaskXmlError, decode_task_file, parse_definition
from tests.unit.lab_windows.conftest import Runner, wait_for

TASK = """<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
<Triggers><TimeTrigger><StartBoundary>{at}</StartBoundary><Enabled>true</Enabled></TimeTrigger></Triggers>
<Principals><Principal id="Author"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>
<Settings><StartWhenAvailable>{late}</StartWhenAvailable></Settings>
<Actions Context="Author"><Exec><Command>cmd.exe</Command><Arguments>/c echo %USERNAME%&gt;C:\\fired</Arguments></Exec></Actions>
</Task>"""


@pytest.fixture
def chain(machine: Machine) -> tuple[Service, Service, Service]:
    """bottom is relied upon by middle, and middle by top; all run."""
    machine.clock.freeze()
    bottom, middle, top = (
        machine.services.add(Service(name, name.title(), rf'"C:\srv\{name}.exe" -k', needs))
        for name, needs in (("bottom", ()), ("middle", ("bottom",)), ("top", ("middle",)))
    )
    return bottom, middle, top


# services
def test_stopping_takes_its_time_and_then_holds(machine: Machine, chain: tuple[Service, ...]) -> None:
    top = chain[2]
    top.stop_seconds = 5
    pid = top.pid
    assert machine.services.stop(top) == services.ACCEPTED
    assert machine.services["top"].state == services.STOP_PENDING
    assert machine.services.stop(top) == services.CANNOT_ACCEPT
    assert machine.processes.find(pid) is not None
    machine.clock.advance(5)
    assert machine.services["top"].state == services.STOPPED
    assert machine.processes.find(pid) is None
    assert machine.services.stop(top) == services.NOT_ACTIVE


def test_a_service_with_running_dependents_refuses_to_stop(machine: Machine, chain: tuple[Service, ...]) -> None:
    assert machine.services.stop(chain[0]) == services.DEPENDENTS_RUNNING
    assert [one.name for one in machine.services.dependents(chain[0])] == ["middle"]


def test_starting_starts_what_it_depends_on_first(machine: Machine, chain: tuple[Service, ...]) -> None:
    for service in reversed(chain):
        machine.services.stop(service)
    chain[0].start_seconds = 2
    assert machine.services.start(chain[2]) == services.ACCEPTED
    assert [one.state for one in chain] == [services.START_PENDING] * 3
    machine.clock.advance(2)
    assert machine.services["top"].state == services.RUNNING
    assert machine.services.start(chain[2]) == services.ALREADY_RUNNING


@pytest.mark.parametrize(
    ("fault", "control", "code", "state"),
    [
        ("service_refuses_stop", "stop", services.CANNOT_ACCEPT, services.RUNNING),
        ("service_hangs_stopping", "stop", services.ACCEPTED, services.STOP_PENDING),
        ("service_returns", "stop", services.ACCEPTED, services.RUNNING),
        ("service_refuses_start", "start", services.LOGON_FAILED, services.STOPPED),
        ("service_hangs_starting", "start", services.ACCEPTED, services.START_PENDING),
        ("service_fails_start", "start", services.ACCEPTED, services.STOPPED),
    ],
)
def test_faults_of_services(machine: Machine, chain: tuple[Service, ...], fault: str, control: str, code: int, state: str) -> None:
    top = chain[2]
    if control == "start":
        machine.services.stop(top)
    machine.faults.set(fault, "TOP")
    assert getattr(machine.services, control)(top) == code
    machine.clock.advance(3600)
    assert machine.services["top"].state == state


def test_a_disabled_service_does_not_start(machine: Machine) -> None:
    service = machine.services.add(Service("x", "X", "C:\\x.exe", start_mode="Disabled", running=False))
    assert machine.services.start(service) == services.DISABLED


def test_killing_the_process_stops_its_services(machine: Machine) -> None:
    one, two = (machine.services.add(Service(name, name, "C:\\svchost.exe -k x", shares_process=True)) for name in "ab")
    assert one.pid == two.pid
    process = machine.processes.find(one.pid)
    assert process is not None
    machine.processes.kill(process)
    assert [machine.services[name].state for name in "ab"] == [services.STOPPED] * 2


@pytest.mark.parametrize(
    ("path_name", "executable"),
    [
        (r'"C:\a b\c.exe" -x', r"C:\a b\c.exe"),
        (r"C:\a b\c.exe -x", r"C:\a b\c.exe"),
        (r"C:\w\svchost.exe -k iissvcs", r"C:\w\svchost.exe"),
    ],
)
def test_a_services_program_is_found_in_its_command_line(path_name: str, executable: str) -> None:
    assert Service("x", "X", path_name).executable == executable


def test_net_stops_dependents_only_when_told(run: Runner, machine: Machine, chain: tuple[Service, ...]) -> None:
    asked = run("net.exe stop bottom")
    assert (asked.code, machine.services["top"].state) == (2, services.RUNNING)
    assert "Middle" in asked.out
    assert run("net.exe stop bottom /y").code == 0
    assert {one.state for one in chain} == {services.STOPPED}
    assert run("net.exe start top").code == 0
    assert {one.state for one in chain} == {services.RUNNING}
    assert run("net.exe start nothing").code == 2


def test_sc_tells_state_and_errors(run: Runner, chain: tuple[Service, ...]) -> None:
    assert "STATE              : 4  RUNNING" in run("sc.exe queryex top").out
    assert run("sc.exe stop bottom").code == 1051
    assert run("sc.exe query nothing").code == 1060


def test_an_operator_controls_nothing(run_as_operator: Runner, chain: tuple[Service, ...]) -> None:
    assert run_as_operator("sc.exe stop top").code == 5
    assert run_as_operator("net.exe stop top").code == 2
    assert "S-1-5-32-544" not in run_as_operator("whoami.exe /groups /fo csv /nh").out
    assert "S-1-16-8192" in run_as_operator("whoami.exe /groups /fo csv /nh").out


# application pools
@pytest.fixture
def iis(machine: Machine) -> Machine:
    machine.services.add(Service("WAS", "WAS", "C:\\svchost.exe -k iissvcs", shares_process=True))
    machine.services.add(Service("W3SVC", "W3SVC", "C:\\svchost.exe -k iissvcs", ("WAS",), shares_process=True))
    machine.iis.add_pool(Pool("busy", has_worker=True, drain_seconds=3))
    machine.iis.add_pool(Pool("off", auto_start=False))
    return machine


APPCMD = r"C:\Windows\System32\inetsrv\appcmd.exe"


def test_appcmd_lists_and_controls_pools(run: Runner, iis: Machine) -> None:
    assert '<APPPOOL APPPOOL.NAME="busy"' in run(f"{APPCMD} list apppool /xml").out
    assert run(f"{APPCMD} list apppool /apppool.name:off /text:state").out == "Stopped\r\n"
    assert run(f"{APPCMD} stop apppool /apppool.name:busy").code == 0
    assert run(f"{APPCMD} stop apppool /apppool.name:busy").code == 1062
    assert run(f"{APPCMD} start apppool /apppool.name:busy").code == 0
    assert run(f"{APPCMD} start apppool /apppool.name:busy").code == 1056
    assert run(f"{APPCMD} stop apppool /apppool.name:nothing").code == 50
    assert run(f"{APPCMD} list apppool /apppool.name:nothing /xml").code == 1


def test_a_worker_process_outlives_its_pool_for_a_while(run: Runner, iis: Machine) -> None:
    iis.clock.freeze()
    run(f"{APPCMD} stop apppool /apppool.name:busy")
    assert "<WP " in run(f"{APPCMD} list wp /xml").out
    iis.clock.advance(3)
    assert "<WP " not in run(f"{APPCMD} list wp /xml").out
    assert iis.processes.named("w3wp.exe") == []


def test_pools_follow_their_service(iis: Machine, run: Runner) -> None:
    run("net.exe stop WAS /y")
    assert run(f"{APPCMD} list apppool /apppool.name:busy /text:state").out == "Unknown\r\n"
    assert run(f"{APPCMD} start apppool /apppool.name:busy").code == 1062
    run("net.exe start W3SVC")
    pools = {pool.name: pool.state for pool in iis.iis.pools()}
    assert pools == {"busy": "Started", "off": "Stopped"}


@pytest.mark.parametrize(("fault", "code", "state"), [("pool_refuses_stop", 5, "Started"), ("pool_returns", 0, "Started")])
def test_stopping_pools_can_fail(run: Runner, iis: Machine, fault: str, code: int, state: str) -> None:
    iis.faults.set(fault, "busy")
    assert run(f"{APPCMD} stop apppool /apppool.name:busy").code == code
    assert run(f"{APPCMD} list apppool /apppool.name:busy /text:state").out.strip() == state


def test_starting_a_pool_can_fail(run: Runner, iis: Machine) -> None:
    iis.faults.set("pool_refuses_start", "off")
    assert run(f"{APPCMD} start apppool /apppool.name:off").code == 5


# processes
def test_killing_a_tree_ends_parents_before_they_go_on(machine: Machine, run: Runner) -> None:
    machine.clock.freeze()
    machine.files.write(r"C:\long.cmd", b"@ping -n 10 127.0.0.1\r\n@type nul >C:\\went-on\r\n")
    job = machine.create_detached(r"cmd.exe /c C:\long.cmd", None, run.user)
    wait_for(lambda: machine.processes.named("ping.exe") != [])
    assert machine.processes.named("ping.exe")[0].parent_pid == job.process.pid
    assert run(f"taskkill.exe /PID {job.process.pid}").code == 1
    ended = run(f"taskkill.exe /PID {job.process.pid} /T /F")
    assert ended.out.count("SUCCESS") == 2
    assert machine.processes.named("ping.exe") == []
    assert not machine.files.exists(r"C:\went-on")
    assert run(f"taskkill.exe /PID {job.process.pid} /F").code == 128


def test_a_program_with_a_window_closes_on_request_from_its_own_session_only(machine: Machine, run: Runner) -> None:
    elsewhere = machine.processes.start(r"C:\app.exe", "app", session_id=1, window=True)
    assert run(f"taskkill.exe /PID {elsewhere.pid}").code == 1
    window = machine.processes.start(r"C:\app.exe", "app", window=True)
    assert run(f"taskkill.exe /PID {window.pid}").code == 0
    assert machine.processes.find(window.pid) is None


# scheduled tasks
def _moment(machine: Machine, seconds: float) -> str:
    return (machine.clock.now() + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def _register(run: Runner, seconds: float, late: bool = False, name: str = "\\Lockstep\\t") -> int:
    xml = TASK.format(at=_moment(run.machine, seconds), late=str(late).lower())
    run.machine.files.write(r"C:\t.xml", xml.encode())
    return run(f'schtasks.exe /create /tn {name} /xml "C:\\t.xml" /f').code


def test_a_task_fires_once_at_its_time_as_system(run: Runner, machine: Machine) -> None:
    machine.clock.freeze()
    assert _register(run, 60) == 0
    task = machine.tasks.find("lockstep\\T")
    assert task is not None
    assert task.state == READY
    machine.clock.advance(59)
    assert task.history == ["registered"]
    machine.clock.advance(2)
    wait_for(lambda: task.history[-1] == "ended 0")
    assert machine.files.read(r"C:\fired") == b"WIN1$\r\n"
    machine.clock.advance(3600)
    assert task.history == ["registered", "started", "ended 0"]


def test_a_disabled_or_deleted_task_does_not_fire(run: Runner, machine: Machine) -> None:
    machine.clock.freeze()
    _register(run, 60, name="off")
    _register(run, 60, name="gone")
    assert run("schtasks.exe /change /tn off /DISABLE").code == 0
    assert run("schtasks.exe /delete /tn gone /f").code == 0
    machine.clock.advance(30)
    off = machine.tasks.find("off")
    assert off is not None
    assert off.state == DISABLED
    machine.clock.advance(31)
    assert machine.tasks.due() == []
    assert run("schtasks.exe /query /tn gone /xml ONE").code == 1


@pytest.mark.parametrize("late", [False, True])
def test_a_missed_start_is_made_up_for_only_when_asked(run: Runner, machine: Machine, late: bool) -> None:
    machine.clock.freeze()
    machine.faults.set("task_starts_late")
    _register(run, 60, late)
    machine.clock.advance(3600)
    assert [task.name for task, _moment in machine.tasks.due()] == (["t"] if late else [])


def test_setting_the_clock_forward_makes_the_task_due(run: Runner, machine: Machine) -> None:
    machine.clock.freeze()
    _register(run, 3600, late=True)
    machine.faults.set("clock_jump", 7200)
    task = machine.tasks.find("\\Lockstep\\t")
    assert task is not None
    wait_for(lambda: task.history[-1] == "ended 0")


def test_a_running_task_can_be_ended(run: Runner, machine: Machine) -> None:
    machine.clock.freeze()
    xml = TASK.format(at=_moment(machine, 9999), late="false").replace("/c echo %USERNAME%&gt;C:\\fired", "/c ping -n 99 127.0.0.1")
    machine.files.write(r"C:\t.xml", xml.encode())
    run(r"schtasks.exe /create /tn t /xml C:\t.xml")
    assert run("schtasks.exe /run /tn t").code == 0
    task = machine.tasks.find("t")
    assert task is not None
    wait_for(lambda: machine.processes.named("ping.exe") != [])
    assert task.state == RUNNING
    assert run("schtasks.exe /end /tn t").code == 0
    wait_for(lambda: task.history[-1] == "ended 1")


def test_a_task_that_exists_is_replaced_only_by_force(run: Runner) -> None:
    assert _register(run, 60) == 0
    assert run(r"schtasks.exe /create /tn \Lockstep\t /xml C:\t.xml").code == 1
    assert _register(run, 60) == 0


@pytest.mark.parametrize(
    ("old", "new", "unknown"),
    [
        ("<Settings>", "<Settings><NewThing>1</NewThing>", True),
        ("TimeTrigger", "EventTrigger", True),
        ("Exec>", "SendEmail>", True),
        ("<StartBoundary>", "<StartBoundary>tomorrow ", False),
        ("</Task>", "", False),
    ],
)
def test_a_definition_is_read_strictly(machine: Machine, old: str, new: str, unknown: bool) -> None:
    text = TASK.format(at="2026-01-01T00:00:00", late="false").replace(old, new)
    with pytest.raises(TaskXmlError) as caught:
        parse_definition(text, machine.clock.zone)
    assert caught.value.unknown is unknown


def test_times_with_a_zone_are_that_moment_and_others_are_local(machine: Machine) -> None:
    local, utc = (
        parse_definition(TASK.format(at=f"2026-01-01T12:00:00{zone}", late="false"), machine.clock.zone) for zone in ("", "Z")
    )
    assert utc.times[0] - local.times[0] == datetime.timedelta(hours=1)


def test_a_task_file_must_have_the_encoding_that_it_declares() -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><Task/>'
    assert decode_task_file(text.encode("utf-16")) == text
    with pytest.raises(TaskXmlError):
        decode_task_file(text.encode())
