# Copyright: (c) 2026, Lockstep contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that features raise. Private to lockstep.backup: not a public interface."""

from __future__ import annotations

import typing as t


class LockstepError(Exception):
    """A failure that a user can act on.

    ``slug`` is stable and documented (docs/errors.md); ``message`` says what is wrong and what to do about it;
    ``details`` are plain JSON values that reach the task's result beside ``msg`` and ``error_code``. What was already
    done when something failed halfway belongs into ``details`` too.
    """

    def __init__(self, slug: str, message: str, **details: t.Any) -> None:
        super().__init__(message)
        self.slug = slug
        self.message = message
        self.details = details

    def as_result(self) -> dict[str, t.Any]:
        """The arguments of ``fail_json``: ``msg``, ``error_code`` and the details."""
        return dict(self.details, msg=self.message, error_code=self.slug)
