# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Becomes the program of its arguments, in such a way that user-mode Linux runs on any x86-64 CPU.

User-mode Linux 6.1 keeps a process' registers in a buffer that was large enough for AVX-512. On a CPU with more (AMX), the host's
kernel refuses to take back so short a state, and user-mode Linux panics at once. Where the host's kernel offers the legacy state
only, it is content with that: so it is told that there is no other, by a seccomp filter. The programs inside must not use the wide
registers then, which is what ``ENVIRONMENT`` is for.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

ENVIRONMENT = {
    # What glibc and OpenSSL choose by asking the CPU.
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX_Fast_Unaligned_Load",
    "OPENSSL_ia32cap": "~0x1000000000000000:~0xd0230020",
}

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _THIRD = 0, 4, 16, 32
_X86_64, _PTRACE, _GETREGSET, _SETREGSET, _XSTATE = 0xC000003E, 101, 0x4204, 0x4205, 0x202
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
# Code, how many to skip when equal, when not, operand.
_FILTER = (
    (_LOAD, 0, 0, _ARCHITECTURE),
    (_EQUAL, 0, 8, _X86_64),
    (_LOAD, 0, 0, _NUMBER),
    (_EQUAL, 0, 6, _PTRACE),
    (_LOAD, 0, 0, _FIRST),
    (_EQUAL, 1, 0, _GETREGSET),
    (_EQUAL, 0, 3, _SETREGSET),
    (_LOAD, 0, 0, _THIRD),
    (_EQUAL, 0, 1, _XSTATE),
    (_RETURN, 0, 0, _FAIL | errno.EINVAL),
    (_RETURN, 0, 0, _ALLOW),
)
_SET_SECCOMP, _MODE_FILTER, _NO_NEW_PRIVILEGES = 22, 2, 38


def _install() -> None:
    rows = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in _FILTER))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(_FILTER), ctypes.addressof(rows)))
    control = ctypes.CDLL(None, use_errno=True).prctl
    control.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong]
    for option, value, address in ((_NO_NEW_PRIVILEGES, 1, None), (_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(program))):
        if control(option, value, address, 0, 0):
            raise OSError(ctypes.get_errno(), f"prctl({option}): {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    _install()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - its starter knows this process' id
