# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashes on a Windows host."""

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.lockstep.backup.plugins.module_utils.errors import LockstepError
from tests.integration.direct import windows_host
from tests.lab.lab import Lab


def test_a_file_that_certutil_cannot_hash_is_an_error_and_not_a_hash(lab: Lab) -> None:
    host = windows_host(lab)
    try:
        lab.hosts["aes1"].machine.files.write(r"C:\empty", b"")
        lab.hosts["aes1"].machine.files.write(r"C:\full", b"data")
        assert host.sha256(r"C:\full") == hashlib.sha256(b"data").hexdigest()
        with pytest.raises(LockstepError) as caught:
            host.sha256(r"C:\empty")
        assert caught.value.slug == "hash_failed"
        with pytest.raises(LockstepError) as missing:
            host.sha256(r"C:\absent")
        assert missing.value.slug == "path_missing"
    finally:
        host.close()
