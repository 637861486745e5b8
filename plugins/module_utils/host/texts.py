# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of a text file as text. Pure. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import codecs

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode(data: bytes, code_page: str | None = None) -> str:
    """UTF-16 where a byte order mark or its zeros tell it, else UTF-8, else ``code_page``. Line ends become LF.

    ``code_page`` is the name of a codec of Python; without one it is UTF-8 with replacement.
    """
    if data.startswith(UTF16_MARKS):
        text = data.decode("utf-16", "replace")
    elif _is_utf16_without_mark(data):
        text = data.decode("utf-16-le", "replace")
    else:
        text = _decode_bytes(data, code_page)
    return text.replace("\r\n", "\n")


def _is_utf16_without_mark(data: bytes) -> bool:
    """Windows' own order. The first characters of a log are of the Latin alphabet in most languages, and no text has zeros."""
    return len(data) >= 4 and data[1] == 0 == data[3] and data[0] != 0


def _decode_bytes(data: bytes, code_page: str | None) -> str:
    if code_page is not None:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return data.decode(code_page, "replace")
    return data.decode("utf-8-sig", "replace")
