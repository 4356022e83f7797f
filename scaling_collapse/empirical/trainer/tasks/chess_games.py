"""Chess games as characters: moves, ratings and the final position, from PGN or PGN.zst files such as Lichess's.

A game is `<BOS>`, the moves in standard algebraic notation, White's followed by `,` and Black's by `;`, then
`|WhiteElo|BlackElo|`, the FEN of the final position, and `<EOS>`. Comments, thinking times, variations and move numbers
are left out. `<BOS>` and `<EOS>` are one symbol each.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TextIO

import numpy as np
from numpy.typing import ArrayLike

from ....common import InputError
from ....common.extras import require
from .compressed import open_zst
from .source_task import SourceTask

__all__ = ["ChessTask", "decode", "encode", "games"]

BOS, EOS = "<", ">"
SYMBOLS = BOS + EOS + "abcdefghnpqrkwxBKNOPQR0123456789+#=-,;|/ ?"
"""Every character of a game; character i has id i + 1. Id 0 is no character: the published runs predict it last."""
VOCABULARY = 64
TABLE = bytes(SYMBOLS.find(chr(i)) + 1 for i in range(256))


@dataclass(frozen=True, kw_only=True)
class ChessTask(SourceTask):
    """Predict the next character of chess games, in the order of the files.

    Games that the format cannot hold are left out and counted in `describe`: those without moves, with an illegal or
    unreadable move, without a result at the end (cut short), from another start or of another variant, or with a
    rating that is no number and no `?`.

    Parameters
    ----------
    files
        `.pgn` or `.pgn.zst` files, in order.
    max_tokens
        Stop reading after the game with this many tokens, >= 1; none reads all.
    cache
        Folder of the token file; default the user's cache folder.

    Examples
    --------
    >>> decode(encode("<e4,e5;|1500|?|"))
    '<e4,e5;|1500|?|'
    """

    kind: ClassVar[str] = "chess"
    wants: ClassVar[str] = "files with games"

    last_target: Literal["next", "zero"] = "zero"
    test_examples: int = 16_000
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_tokens is not None and self.max_tokens < 1:
            raise InputError(f"ChessTask needs `max_tokens` >= 1 or none; got {self.max_tokens}. Leave it out.")

    @property
    def vocabulary(self) -> int:
        """The symbols padded to 64."""
        return VOCABULARY

    def reading(self) -> dict[str, Any]:
        """`max_tokens`."""
        return {"max_tokens": self.max_tokens}

    def read(self, paths: Sequence[Path], counts: dict[str, int]) -> Iterator[bytes]:
        """All games, one after the other; the games kept, and those left out by reason, are counted."""
        written = 0
        for text in games(paths, counts):
            yield encode(text)
            written += len(text)
            if self.max_tokens is not None and written >= self.max_tokens:
                return

    def without_tokens(self, paths: Sequence[Path], counts: Mapping[str, int]) -> str:
        """How many games were left out, by reason."""
        why = ", ".join(f"{n} {reason}" for reason, n in counts.items()) or "no game at all"
        return f"{why} in {paths[0].name}"


def encode(text: str) -> bytes:
    """Ids of the characters of a game, one byte each; `<` and `>` stand for `<BOS>` and `<EOS>`."""
    return text.encode("latin-1").translate(TABLE)


def decode(tokens: ArrayLike) -> str:
    """The characters of some ids; an id that is no character becomes `~`."""
    ids = np.frombuffer(tokens, np.uint8) if isinstance(tokens, bytes) else np.asarray(tokens)
    return "".join(SYMBOLS[i - 1] if 0 < i <= len(SYMBOLS) else "~" for i in ids.tolist())


def games(paths: Sequence[Path], counts: dict[str, int]) -> Iterator[str]:
    """The text of every game that the format holds; counts kept and left-out games into `counts` by reason."""
    pgn = require("chess.pgn", "ChessTask", extra="chess")
    reader = _reader()
    for path in paths:
        with _open(path) as file:
            while (game := pgn.read_game(file, Visitor=reader)) is not None:
                text, reason = game
                counts[reason] = counts.get(reason, 0) + 1
                if text:
                    yield text


def _open(path: Path) -> TextIO:
    if path.suffix not in (".pgn", ".zst"):
        raise InputError(f"ChessTask needs .pgn or .pgn.zst files; got {path.name}. Rename or convert it.")
    file = open_zst(path, "ChessTask") if path.suffix == ".zst" else path.open("rb")
    # Only names of players and events can hold other bytes, and they are not read.
    return io.TextIOWrapper(file, encoding="utf-8", errors="replace")


def _reader() -> type:
    """The visitor class of one game; made on use, because its base class is in an optional package."""
    import chess
    import chess.pgn

    class Reader(chess.pgn.BaseVisitor):
        """Writes a game down while it is parsed; the result is (text or None, "games" or why it was left out)."""

        def begin_game(self) -> None:
            self.headers: dict[str, str] = {}
            self.parts: list[str] = []
            self.reason = "left out: cut short"

        def visit_header(self, tagname: str, tagvalue: str) -> None:
            self.headers[tagname] = tagvalue

        def end_headers(self) -> Any:
            self.white, self.black = (self.headers.get(f"{side}Elo", "?") or "?" for side in ("White", "Black"))
            if "FEN" in self.headers or self.headers.get("Variant", "Standard").lower() not in ("standard", "chess"):
                self.reason = "left out: another start or variant"
            elif not all(elo == "?" or (elo.isascii() and elo.isdigit()) for elo in (self.white, self.black)):
                self.reason = "left out: rating is no number"
            else:
                return None
            return chess.pgn.SKIP

        def begin_variation(self) -> Any:
            return chess.pgn.SKIP

        def visit_move(self, board: chess.Board, move: chess.Move) -> None:
            self.parts.append(board.san(move) + (",;"[board.turn == chess.BLACK]))

        def visit_board(self, board: chess.Board) -> None:
            self.board = board  # the parser's own, pushed to move by move: at the end the final position

        def visit_result(self, result: str) -> None:
            if self.reason == "left out: cut short":
                self.reason = "games" if self.parts else "left out: no moves"

        def handle_error(self, error: Exception) -> None:
            self.reason = "left out: illegal or unreadable move"

        def result(self) -> tuple[str | None, str]:
            if self.reason != "games":
                return None, self.reason
            return f"{BOS}{''.join(self.parts)}|{self.white}|{self.black}|{self.board.fen()}{EOS}", self.reason

    return Reader
