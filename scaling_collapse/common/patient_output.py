"""What is said to people: nothing in it commands their terminal, and a reader that has gone stops no work.

`measure ... | head -1` closes the pipe after a line. The work goes on, files are written, and the exit code is the one
that it would have been; a full disk behind standard output is told at the end.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

__all__ = ["PatientOutput", "patient_streams", "without_commands"]

# Controls but tab and line feed (terminals obey some), line ends and directions of Unicode, and halves of characters.
COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def without_commands(text: str, *, one_line: bool = False) -> str:
    r"""`text` with what a terminal would obey spelled out; on request line ends and tabs, too.

    >>> without_commands("run \x1b[31mred"), without_commands("two\nlines", one_line=True)
    ('run \\x1b[31mred', 'two\\nlines')
    """
    text = COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return text.replace("\n", "\\n").replace("\t", "\\t") if one_line else text


class PatientOutput:
    """A text stream that keeps the first failure of writing to itself, in `failure`, and is silent from there on.

    Characters that its encoding lacks are spelled out. All else is the stream's own.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.failure: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or lose, the text."""
        encoding = self._stream.encoding or "utf-8"
        self._try(self._stream.write, text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Flush what was written."""
        self._try(self._stream.flush)

    def _try(self, do: Callable[..., Any], *arguments: Any) -> None:
        if self.failure is not None:
            return
        try:
            do(*arguments)
        except OSError as failure:
            self.failure = failure
            with suppress(OSError, ValueError):  # what waits in buffers is to go somewhere when the process ends
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)


@contextmanager
def patient_streams() -> Iterator[PatientOutput]:
    """Standard output and standard error as `PatientOutput`s, the first one given; closed ones lead nowhere."""
    _open_closed_handles()
    before = sys.stdout, sys.stderr
    out, err = (PatientOutput(stream or open(os.devnull, "w")) for stream in before)  # noqa: SIM115
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        yield out
    finally:
        out.flush()
        err.flush()
        sys.stdout, sys.stderr = before


def _open_closed_handles() -> None:
    """Take the numbers of closed standard streams, so that no file that is opened later gets what is printed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
