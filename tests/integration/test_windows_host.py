# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WindowsHost over the real pywinrm: programs, files, the machine, timers. Jobs, units and connections have files of their own."""

from __future__ import annotations

import collections.abc
import datetime
import hashlib
import ntpath
import pathlib
import zipfile

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from ansible_collections.lockstep.backup.plugins.module_utils.host.base import WINDOWS
from ansible_collections.lockstep.backup.plugins.plugin_utils.windows.host import WindowsHost
from tests.integration.direct import windows_host
from tests.integration.killing import wait_until
from tests.lab.lab import OPERATOR, OPERATOR_PASSWORD, Lab, LabHost
from tests.lab.windows.machine import GIB

FOLDER = "C:\\Data"
NAMES = ("plain.txt", "with blank.txt", "Müller & Söhne (1).txt", "100^2 = 10'000!.txt", "日本語.txt")
TEXTS = ("", "one line", "a\nb\n", "Grüße aus Köln, 日本語, 🎉\n", 'a "quoted" %PATH% & <tag> | ^caret^ !x!\n', "\n\n indented\n\n")


@pytest.fixture
def aes1(lab: Lab) -> LabHost:
    return lab.hosts["aes1"]


@pytest.fixture(params=["aes1", "aes2"])
def host(lab: Lab, request: pytest.FixtureRequest) -> collections.abc.Iterator[WindowsHost]:
    """One host over NTLM and HTTP, one over Basic and HTTPS. What a task takes there, it gives back."""
    machine = windows_host(lab, request.param)
    machine.make_folder(FOLDER)
    yield machine
    machine.close()
    assert len(lab.hosts[request.param].endpoint.shells) == 0


@pytest.fixture
def one(lab: Lab) -> collections.abc.Iterator[WindowsHost]:
    """For what does not depend on the connection."""
    machine = windows_host(lab, "aes1")
    machine.make_folder(FOLDER)
    yield machine
    machine.close()


def real(lab: Lab, host: WindowsHost, path: str) -> pathlib.Path:
    found = lab.hosts[host.name].machine.files.real(path)
    assert found is not None
    return found


def refused(host: WindowsHost, slug: str, *words: str) -> pytest.RaisesExc[LockstepError]:
    """The error of this slug, which names the host and contains these words."""

    def as_wanted(error: LockstepError) -> bool:
        return error.slug == slug and all(word in error.message for word in (host.name, *words))

    return pytest.raises(LockstepError, check=as_wanted)


# programs


def test_a_program_gets_its_arguments_as_they_are_and_its_end_is_told(host: WindowsHost) -> None:
    done = host.run(["net.exe", "start", "No such service & more"])
    assert done.exit_code == 2
    assert done.argv == ("net.exe", "start", "No such service & more")
    assert "The service name is invalid" in done.stderr
    assert host.run(["hostname.exe"]).stdout == f"{host.name.upper()}\n"


def test_a_program_reads_its_standard_input(host: WindowsHost) -> None:
    assert host.run(["findstr.exe", "^"], stdin="ä\nb").stdout == "ä\nb\n"


@pytest.mark.parametrize("program", ["nosuchprogram.exe", "C:\\Windows\\nosuchprogram.exe", "C:\\no\\such\\folder\\program.exe"])
def test_a_program_that_does_not_exist(host: WindowsHost, program: str) -> None:
    with refused(host, "tool_missing", "no such program", "Install it"):
        host.run([program])


def test_a_program_that_does_not_end_is_terminated(lab: Lab, aes1: LabHost) -> None:
    host = windows_host(lab, "aes1", operation_timeout_sec=1, read_timeout_sec=3)
    with refused(host, "command_timeout", "ping.exe", "did not end within 0.1 s and was terminated"):
        host.run(["ping.exe", "-n", "1000", "127.0.0.1"], timeout=0.1)
    wait_until(lambda: not aes1.machine.processes.named("ping.exe"), "ping.exe is ended")
    host.close()


def test_more_commands_than_a_shell_bears_take_another_shell(lab: Lab, one: WindowsHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.lockstep.backup.plugins.plugin_utils.windows.wsman._COMMANDS_PER_SHELL", 3)
    for _unused in range(8):
        assert one.run(["hostname.exe"]).exit_code == 0
    created = [request for request in lab.requests if request.host == "aes1" and request.text == "Create"]
    assert len(created) == 3
    assert len(lab.hosts["aes1"].endpoint.shells) == 1


# files


def test_paths_are_taken_apart_as_windows_does(one: WindowsHost) -> None:
    assert one.platform == WINDOWS
    assert one.join("C:\\a", "b", "c.txt") == "C:\\a\\b\\c.txt"
    assert (one.parent("C:\\a\\b.txt"), one.basename("C:\\a\\b.txt")) == ("C:\\a", "b.txt")
    assert [one.is_absolute(path) for path in ("C:\\a", "c:\\", "C:a", "\\a", "a", "\\\\server\\share")] == [True, True] + [
        False
    ] * 4


def test_only_disks_of_the_machine_itself_are_local(one: WindowsHost) -> None:
    assert [one.is_local(path) for path in ("C:\\a", "c:\\a", "Z:\\a", "X:\\a", "\\\\server\\share\\a")] == [True, True] + [
        False
    ] * 3


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_read_as_it_was_written_and_has_windows_line_ends_on_the_disk(lab: Lab, host: WindowsHost, text: str) -> None:
    path = f"{FOLDER}\\text.txt"
    host.write_text(path, text)
    ended = text if not text or text.endswith("\n") else text + "\n"
    assert host.read_text(path) == ended
    assert real(lab, host, path).read_bytes() == ended.replace("\n", "\r\n").encode()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_written_listed_hashed_renamed_and_removed(lab: Lab, host: WindowsHost, name: str) -> None:
    path, other = f"{FOLDER}\\{name}", f"{FOLDER}\\new {name}"
    host.write_text(path, "content\n")
    found = host.stat(path)
    assert found is not None
    assert (found.is_dir, found.size) == (False, 9)
    # WMI's file provider gives names in lower case.
    assert [(host.basename(entry.path), entry.size) for entry in host.list_folder(FOLDER)] == [(name.lower(), 9)]
    assert host.sha256(path) == hashlib.sha256(b"content\r\n").hexdigest()
    host.rename(path, other)
    assert host.stat(path) is None
    assert real(lab, host, other).name == f"new {name}"
    host.remove(other)
    assert host.list_folder(FOLDER) == []


def test_a_folder_is_made_with_its_parents_renamed_and_removed_with_all_below(host: WindowsHost) -> None:
    deep = f"{FOLDER}\\ä b\\c & d"
    host.make_folder(deep)
    host.make_folder(deep)
    host.write_text(f"{deep}\\file.txt", "x")
    host.rename(f"{FOLDER}\\ä b", f"{FOLDER}\\moved")
    found = host.stat(f"{FOLDER}\\moved\\c & d")
    assert found is not None
    assert (found.is_dir, found.size) == (True, 0)
    host.remove(f"{FOLDER}\\moved")
    host.remove(f"{FOLDER}\\moved")
    assert host.list_folder(FOLDER) == []


def test_times_of_files_have_the_hosts_zone(lab: Lab, one: WindowsHost, aes1: LabHost) -> None:
    one.write_text(f"{FOLDER}\\a.txt", "x")
    (entry,) = one.list_folder(FOLDER)
    assert abs(entry.modified - aes1.machine.clock.now()) < datetime.timedelta(seconds=30)
    assert entry.modified.utcoffset() is not None


def test_a_folder_with_more_entries_than_a_page(lab: Lab, one: WindowsHost) -> None:
    folder = real(lab, one, FOLDER)
    for number in range(730):
        (folder / f"file with quite a long name {number:04d}.txt").write_bytes(b"x" * number)
    (folder / "sub").mkdir()
    found = one.list_folder(FOLDER)
    assert [entry.size for entry in found if not entry.is_dir] == list(range(730))
    assert [entry.path for entry in found if entry.is_dir] == [f"{FOLDER}\\sub".lower()]
    assert sum(request.text == "Pull" for request in lab.requests if request.host == "aes1") > 7


def test_what_is_not_there(host: WindowsHost) -> None:
    nothing = f"{FOLDER}\\nothing"
    assert host.stat(nothing) is None
    for ask in (host.list_folder, host.read_text, host.sha256, host.tree_bytes):
        with refused(host, "path_missing", "nothing"):
            ask(nothing)
    with refused(host, "path_missing", nothing):
        host.write_text(f"{nothing}\\a.txt", "x")
    with refused(host, "path_missing", nothing):
        host.rename(nothing, f"{FOLDER}\\other")
    for path in ("X:\\a", "\\\\server\\share"):
        with refused(host, "path_missing", path[:2]):
            host.free_bytes(path)


def test_a_rename_never_replaces(host: WindowsHost) -> None:
    for name in ("a", "b"):
        host.write_text(f"{FOLDER}\\{name}.txt", name)
        host.make_folder(f"{FOLDER}\\{name}")
    for ending in ("", ".txt"):
        with refused(host, "path_exists", f"{FOLDER}\\b{ending}"):
            host.rename(f"{FOLDER}\\a{ending}", f"{FOLDER}\\b{ending}")
    assert host.read_text(f"{FOLDER}\\b.txt") == "b\n"


def test_a_file_that_somebody_has_open_is_told(lab: Lab, one: WindowsHost, aes1: LabHost) -> None:
    path = f"{FOLDER}\\open.txt"
    one.write_text(path, "old")
    with aes1.machine.files.open(path, append=True):
        with refused(one, "access_denied", path):
            one.write_text(path, "new")
        with refused(one, "access_denied", path):
            one.rename(path, f"{FOLDER}\\other.txt")
        with refused(one, "access_denied", path):
            one.remove(path)
        with refused(one, "access_denied", FOLDER):
            one.remove(FOLDER)
    assert one.read_text(path) == "old\n"


def test_a_private_text_is_protected_before_its_first_byte(lab: Lab, one: WindowsHost, aes1: LabHost) -> None:
    path = f"{FOLDER}\\secret.par"
    one.write_text(path, "userid=a/b\n", private=True)
    rights = aes1.machine.files.permissions[aes1.machine.files.key(path)]
    assert "/inheritance:r" in rights
    assert [right for right in rights if right.startswith("*S-1-1-0")] == []
    assert {right.rpartition(":")[0] for right in rights if right.startswith("*")} == {"*S-1-5-18", "*S-1-5-32-544", "*S-1-3-4"}
    (line,) = [entry.text for entry in lab.requests if "icacls.exe" in entry.text]
    assert line.index("icacls.exe") < line.index('findstr "^"')


@pytest.mark.parametrize("private", [False, True])
def test_a_full_disk_keeps_the_old_text_and_leaves_no_part_of_the_new(
    lab: Lab, one: WindowsHost, aes1: LabHost, private: bool
) -> None:
    path = f"{FOLDER}\\journal.json"
    one.write_text(path, "old")
    lab.faults.set("aes1", "disk_full")
    with refused(one, "no_space", path, "Make room"):
        one.write_text(path, "new and longer", private=private)
    lab.faults.clear("aes1")
    assert one.read_text(path) == "old\n"
    assert [entry.path for entry in one.list_folder(FOLDER)] == [path.lower()]


def test_a_text_longer_than_a_message_may_be(one: WindowsHost) -> None:
    path = f"{FOLDER}\\long.log"
    text = "".join(f"{number:07d} a line of a very long log, ä\n" for number in range(40_000))
    one.write_text(path, text)
    assert one.read_text(path) == text
    assert one.read_text(path, tail_bytes=20) == text[-20:]


def test_a_line_longer_than_windows_takes_is_refused_by_name(one: WindowsHost) -> None:
    with refused(one, "argument_invalid", "line 2 of ", "8190 bytes"):
        one.write_text(f"{FOLDER}\\wide.txt", "short\n" + "x" * 8191)
    one.write_text(f"{FOLDER}\\wide.txt", "short\n" + "x" * 8190)
    assert one.read_text(f"{FOLDER}\\wide.txt") == "short\n" + "x" * 8190 + "\n"


def test_a_copy_stays_on_the_host_and_replaces_what_is_there(lab: Lab, one: WindowsHost, aes1: LabHost) -> None:
    folder = real(lab, one, FOLDER)
    data = bytes(range(256)) * 5000
    (folder / "a b.dmp").write_bytes(data)
    one.write_text(f"{FOLDER}\\copy.dmp", "old")
    one.copy_file(f"{FOLDER}\\a b.dmp", f"{FOLDER}\\copy.dmp")
    assert (folder / "copy.dmp").read_bytes() == data


def test_a_copy_that_is_not_possible_says_why(lab: Lab, one: WindowsHost, aes1: LabHost) -> None:
    one.write_text(f"{FOLDER}\\a.dmp", "x" * 5000)
    with refused(one, "path_missing", "missing.dmp"):
        one.copy_file(f"{FOLDER}\\missing.dmp", f"{FOLDER}\\b.dmp")
    with refused(one, "path_missing", "missing"):
        one.copy_file(f"{FOLDER}\\a.dmp", f"{FOLDER}\\missing\\b.dmp")
    disk = aes1.machine.files.disks["C:"]
    free, disk.free = disk.free, 100
    with refused(one, "no_space", "5002 bytes", "Make room"):
        one.copy_file(f"{FOLDER}\\a.dmp", f"{FOLDER}\\b.dmp")
    disk.free = free
    one.write_text(f"{FOLDER}\\open.dmp", "old")
    with aes1.machine.files.open(f"{FOLDER}\\open.dmp", append=True), refused(one, "access_denied", "open.dmp"):
        one.copy_file(f"{FOLDER}\\a.dmp", f"{FOLDER}\\open.dmp")


def test_a_text_of_another_code_page_is_read_in_that_one_or_with_replacements(lab: Lab, one: WindowsHost) -> None:
    (real(lab, one, FOLDER) / "old.txt").write_bytes("Größe".encode("cp1252"))
    (real(lab, one, FOLDER) / "bom.txt").write_bytes(b"\xef\xbb\xbf" + "Größe\r\n".encode())
    (real(lab, one, FOLDER) / "wide.txt").write_bytes("Größe\r\n".encode("utf-16"))
    assert one.read_text(f"{FOLDER}\\old.txt") == "Gr��e"
    assert one.read_text(f"{FOLDER}\\old.txt", code_page="cp1252") == "Größe"
    assert one.read_text(f"{FOLDER}\\wide.txt", code_page="cp1252") == "Größe\n"
    assert one.read_text(f"{FOLDER}\\bom.txt") == "Größe\n"


@pytest.mark.parametrize("path", ["C:\\a%b", 'C:\\a"b', "C:\\a<b", "C:\\a\nb", "C:\\a*b"])
def test_paths_that_cmd_would_read_otherwise_are_refused(one: WindowsHost, path: str) -> None:
    with pytest.raises(LockstepError) as caught:
        one.write_text(path, "x")
    assert caught.value.slug == "path_invalid"


def test_a_zip_is_read_to_its_end(lab: Lab, one: WindowsHost) -> None:
    folder = real(lab, one, FOLDER)
    for name, members in (("good", 3), ("empty", 0)):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            for number in range(members):
                archive.writestr(f"member {number}", b"content" * 1000)
    good = (folder / "good.zip").read_bytes()
    (folder / "cut.zip").write_bytes(good[:-500])
    (folder / "flipped.zip").write_bytes(good[:60] + bytes([good[60] ^ 1]) + good[61:])
    (folder / "text.zip").write_text("no zip")
    problems = {name: one.zip_problem(f"{FOLDER}\\{name}.zip") for name in ("good", "empty", "cut", "flipped", "text")}
    assert problems["good"] is None
    assert problems["empty"] == "it has no members"
    for name in ("cut", "flipped", "text"):
        assert problems[name], name


def test_sizes_of_trees_and_disks(lab: Lab, one: WindowsHost, aes1: LabHost) -> None:
    one.make_folder(f"{FOLDER}\\a b\\c")
    for path, size in (("x.bin", 5), ("a b\\y.bin", 7), ("a b\\c\\z.bin", 11)):
        (real(lab, one, ntpath.dirname(f"{FOLDER}\\{path}")) / ntpath.basename(path)).write_bytes(b"x" * size)
    assert one.tree_bytes(FOLDER) == 23
    one.make_folder(f"{FOLDER}\\nothing")
    assert one.tree_bytes(f"{FOLDER}\\nothing") == 0
    assert one.free_bytes("C:\\not\\there\\yet") == aes1.machine.files.disks["C:"].free
    assert 0 < one.free_bytes("C:\\") < 60 * GIB


# the machine


def test_the_clock_is_the_hosts_own(lab: Lab, host: WindowsHost) -> None:
    clock = lab.hosts[host.name].machine.clock
    lab.faults.set(host.name, "clock_jump", 86400)
    assert abs(host.now() - clock.now()) < datetime.timedelta(seconds=30)
    assert host.now().utcoffset() == clock.now().utcoffset()


def test_rights_are_those_of_the_account(lab: Lab, host: WindowsHost) -> None:
    assert host.is_admin()
    operator = windows_host(lab, host.name, username=OPERATOR, password=OPERATOR_PASSWORD)
    assert not operator.is_admin()
    operator.close()


def test_processes_are_found_by_their_programs_name_without_regard_to_case(lab: Lab, one: WindowsHost, aes1: LabHost) -> None:
    started = [aes1.machine.processes.start("C:\\x\\Tool's.exe", "tool").pid for _unused in range(2)]
    assert sorted(one.processes("TOOL'S.EXE")) == sorted(started)
    assert one.processes("nothing.exe") == []


# timers


def arm(host: WindowsHost, seconds: float, *commands: list[str]) -> None:
    script = f"{FOLDER}\\resume ä.cmd"
    host.write_text(script, host.timer_script(commands, f"{FOLDER}\\lease.log", f"{FOLDER}\\fired"))
    host.arm_timer("lease-test", host.now() + datetime.timedelta(seconds=seconds), script)


def test_a_timer_starts_what_it_was_told_in_order_and_goes_on_after_a_failure(lab: Lab, one: WindowsHost, aes1: LabHost) -> None:
    services = aes1.machine.services
    for name in ("Spooler", "W32Time"):
        services.stop(services[name])
    arm(one, 600, ["net.exe", "start", "Spooler"], ["net.exe", "start", "No & such"], ["net.exe", "start", "W32Time"])
    assert one.timer_armed("lease-test")
    assert services["Spooler"].state == "Stopped"
    aes1.machine.clock.advance(601)
    wait_until(lambda: services["W32Time"].state == "Running", "the timer starts the services")
    assert services["Spooler"].state == "Running"
    assert one.stat(f"{FOLDER}\\fired") is not None
    task = aes1.machine.tasks.find("\\Lockstep\\lease-test")
    assert task is not None
    wait_until(lambda: task.history[-1] == "ended 0", "the timer's script ends")
    log = one.read_text(f"{FOLDER}\\lease.log")
    assert log.index("net.exe start Spooler") < log.index("No & such") < log.index("start W32Time")
    assert "exit code 2" in log


def test_a_timer_that_is_armed_again_or_disarmed_does_not_fire_at_the_old_time(lab: Lab, one: WindowsHost, aes1: LabHost) -> None:
    arm(one, 600, ["net.exe", "stop", "Spooler"])
    arm(one, 1200, ["net.exe", "stop", "W32Time"])
    aes1.machine.clock.advance(700)
    one.disarm_timer("lease-test")
    one.disarm_timer("lease-test")
    assert not one.timer_armed("lease-test")
    aes1.machine.clock.advance(1000)
    assert aes1.machine.tasks.all() == []
    assert {aes1.machine.services[name].state for name in ("Spooler", "W32Time")} == {"Running"}
    assert one.stat(f"{FOLDER}\\fired") is None


def test_a_timer_whose_time_was_missed_fires_as_soon_as_it_can(lab: Lab, one: WindowsHost, aes1: LabHost) -> None:
    lab.faults.set("aes1", "task_starts_late")
    arm(one, 600, ["net.exe", "stop", "Spooler"])
    aes1.machine.clock.advance(9000)
    assert aes1.machine.services["Spooler"].state == "Running"
    lab.faults.clear("aes1")
    wait_until(lambda: aes1.machine.services["Spooler"].state == "Stopped", "the missed timer fires")


def test_a_timer_needs_an_administrator(lab: Lab, one: WindowsHost) -> None:
    operator = windows_host(lab, "aes1", username=OPERATOR, password=OPERATOR_PASSWORD)
    with refused(operator, "lease_refused", "lease-test", "Access is denied"):
        arm(operator, 600, ["net.exe", "start", "Spooler"])
    operator.close()
