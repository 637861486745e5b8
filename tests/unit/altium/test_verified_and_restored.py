# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifying and restoring a zip."""

from __future__ import annotations

import hashlib
import typing as t

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from tests.unit.altium.enterprise_server import LOG, TOOL, ZIP, Tool, quiesce, restart_w3svc, run, server, settings, steps, warnings
from tests.unit.fake_host import FakeClock, FakeHost

CONTENT = b"PK binary data"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def with_zip() -> FakeHost:
    host = server()
    host.files[ZIP] = CONTENT
    Tool(host, FakeClock(), content=None, output="Restored.\n")
    return host


def failure(host: FakeHost, **options: t.Any) -> LockstepError:
    with pytest.raises(LockstepError) as caught:
        run(host, **options)
    return caught.value


def test_verified_reads_the_zip_and_changes_nothing() -> None:
    host = with_zip()
    before = dict(host.files)
    result = run(host, state="verified")
    assert (result["changed"], result["zip"]["bytes"], result["grade"]) == (False, len(CONTENT), None)
    assert (host.files, host.events) == (before, [])


def test_verified_compares_the_checksum_in_either_case_of_letters() -> None:
    assert run(with_zip(), state="verified", expected_sha256=SHA256.upper())["zip"]["sha256"] == SHA256


def test_verified_refuses_another_file() -> None:
    error = failure(with_zip(), state="verified", expected_sha256="0" * 64)
    assert (error.slug, error.details["sha256"], error.details["expected_sha256"]) == ("checksum_mismatch", SHA256, "0" * 64)


@pytest.mark.parametrize(("content", "slug"), [(None, "zip_missing"), (b"", "zip_damaged")])
def test_verified_refuses_what_is_no_zip(content: bytes | None, slug: str) -> None:
    host = server()
    if content is not None:
        host.files[ZIP] = content
    assert failure(host, state="verified").slug == slug


def test_verified_leaves_a_damaged_zip_where_it_is() -> None:
    host = with_zip()
    host.zip_problems[ZIP] = "bad CRC of a.PcbDoc"
    error = failure(host, state="verified")
    assert (error.slug, error.details["failed_step"]) == ("zip_damaged", "read_zip")
    assert ZIP in host.files


def test_verified_in_check_mode_needs_no_zip() -> None:
    result = run(server(), state="verified", check_mode=True)
    assert steps(result) == ["measure_zip", "read_zip"]
    assert result["changed"] is False


def test_a_restore_runs_the_tool_with_the_zip_and_leaves_the_set_as_it_is() -> None:
    host = with_zip()
    result = run(host, state="restored", confirm=True)
    assert any(event.startswith(f"job {TOOL} restore -z {ZIP}") for event in host.events)
    assert (result["changed"], result["exit_code"], result["grade"]) == (True, 0, None)
    assert host.files[ZIP] == CONTENT
    assert LOG not in host.files
    assert result["log"] == settings(state="restored").log
    assert host.files[result["log"]] == b"Restored.\n"


def test_a_restore_says_that_the_versions_must_be_the_same() -> None:
    host = with_zip()
    run(host, state="restored", confirm=True)
    assert "version" in warnings(host)[0]


def test_a_restore_without_confirmation_does_nothing() -> None:
    host = with_zip()
    error = failure(host, state="restored", preflight=False)
    assert error.slug == "confirmation_missing"
    assert host.jobs == {}


def test_check_mode_shows_a_restore_that_is_not_confirmed_yet() -> None:
    host = with_zip()
    result = run(host, state="restored", check_mode=True, expected_sha256=SHA256)
    assert steps(result) == ["check", "measure_zip", "read_zip", "compare_sha256", "run", "keep_log"]
    assert host.jobs == {}


def test_a_damaged_zip_is_found_before_the_tool_touches_the_server() -> None:
    host = with_zip()
    host.zip_problems[ZIP] = "truncated"
    assert failure(host, state="restored", confirm=True).slug == "zip_damaged"
    assert host.jobs == {}


def test_another_zip_than_expected_is_not_restored() -> None:
    host = with_zip()
    assert failure(host, state="restored", confirm=True, expected_sha256="0" * 64).slug == "checksum_mismatch"
    assert host.jobs == {}


def test_a_restore_into_running_units_is_refused() -> None:
    host = with_zip()
    quiesce(host)
    restart_w3svc(host)()
    assert failure(host, state="restored", confirm=True, quiesced="altium").slug == "not_quiesced"
    assert host.jobs == {}


def test_a_restore_while_the_health_monitor_runs_is_refused() -> None:
    host = with_zip()
    host.running["avhealth.exe"] = [3]
    assert failure(host, state="restored", confirm=True).slug == "health_monitor_running"


def test_units_that_the_restore_started_are_stopped_again() -> None:
    host = with_zip()
    quiesce(host)
    Tool(host, FakeClock(), content=None, at_end=restart_w3svc(host))
    result = run(host, state="restored", confirm=True, quiesced="altium")
    assert result["units_stopped_again"] == ["W3SVC"]
    assert host.units["service"]["W3SVC"].state == "stopped"


def test_a_failed_restore_keeps_the_zip_and_warns_of_half_restored_data() -> None:
    host = with_zip()
    Tool(host, FakeClock(), content=None, exit_code=2)
    error = failure(host, state="restored", confirm=True)
    assert error.slug == "tool_failed"
    assert "in part" in error.message
    assert host.files[ZIP] == CONTENT


def of_version(version: str | None) -> FakeHost:
    host = with_zip()
    if version is not None:
        host.versions[TOOL] = version
    return host


def test_the_checks_tell_the_tools_version() -> None:
    host = of_version("7.1.1.50")
    del host.files[ZIP]
    assert run(host, state="checked")["tool_version"] == "7.1.1.50"


@pytest.mark.parametrize("present", ["7.1.1.51", None])
def test_a_restore_into_another_or_an_unknown_version_is_refused_before_the_tool_runs(present: str | None) -> None:
    host = of_version(present)
    error = failure(host, state="restored", confirm=True, expected_version="7.1.1.50")
    assert (error.slug, error.details["tool_version"]) == ("version_mismatch", present)
    assert not [event for event in host.events if event.startswith("job ")]


def test_a_restore_into_the_same_version_needs_no_warning() -> None:
    host = of_version("7.1.1.50")
    result = run(host, state="restored", confirm=True, expected_version="7.1.1.50")
    assert result["exit_code"] == 0
    assert not [text for text in warnings(host) if "version" in text]
