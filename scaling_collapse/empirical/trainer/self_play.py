r"""Chess games that the project plays with itself, in PGN: text with something to learn, on every machine.

A player of rating E chooses among the legal moves m with probability

.. math:: P(m) \propto \exp(v(m) / T(E)), \qquad T(E) = 2^{-(E - 1000) / 400}

where v is what the move wins at first sight, in pawns: the value of what it captures and of a promotion; the danger
that the piece leaves, less the danger that it enters (its whole value on a square that an enemy pawn attacks, half of
it on one that another piece attacks); 1 for castling, 0.5 for a direct check; and 0.1 for each step nearer to the
centre (minor pieces and pawns alone). Nothing is searched: to predict such games takes the rules, the position and
the players' ratings, which stand at the end of each game and show in its moves before.

A game ends by mate, stalemate, bare material, or after `max_plies` half-moves, when 3 pawns more win.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...common import InputError
from ...common.extras import require
from ..tables.files import write_atomically

if TYPE_CHECKING:
    import chess

__all__ = ["RATINGS", "play_game", "temperature", "write_games"]

RATINGS = tuple(range(1000, 2001, 200))
"""Ratings of the players; each game draws two."""
VALUES = (0.0, 1.0, 3.0, 3.0, 5.0, 9.0, 4.0)
"""Value of each piece in pawns, by python-chess's piece type; the king's says how it shuns attacked squares."""
CENTRE = tuple(0.1 * (3 - max(abs(s % 8 - 3.5), abs(s // 8 - 3.5)) + 0.5) for s in range(64))
CHECK, CASTLING, ADJUDICATED = 0.5, 1.0, 3.0
CHUNK = 64  # games that a process plays at a time; changes nothing in them


def temperature(rating: int) -> float:
    """`T(E)` in pawns.

    >>> temperature(1000), temperature(1800)
    (1.0, 0.25)
    """
    return 2.0 ** (-(rating - 1000) / 400)


def play_game(number: int, seed: int = 0, *, max_plies: int = 80) -> str:
    """One game in PGN, fixed by its number and the seed.

    Parameters
    ----------
    number
        Which game, >= 0.
    seed
        Which series of games, >= 0.
    max_plies
        Half-moves after which the material decides, >= 1.

    Returns
    -------
    str
        Headers, movetext and result, with an empty line after each part.

    Raises
    ------
    InputError
        If an argument is out of its domain, or the package chess is missing.

    Examples
    --------
    >>> play_game(0, max_plies=4).splitlines()[-2]
    '1. g3 Nf6 2. Nh3 d5 1/2-1/2'
    """
    if min(number, seed) < 0 or max_plies < 1:
        raise InputError(
            f"play_game needs `number` and `seed` >= 0 and `max_plies` >= 1; got {number}, {seed} and {max_plies}."
        )
    chess = require("chess", "play_game", extra="chess")
    rng = np.random.default_rng([seed, number])
    black, white = (RATINGS[i] for i in rng.integers(0, len(RATINGS), 2))  # board.turn is True for White
    uniforms = rng.random(max_plies)
    board = chess.Board()
    words: list[str] = []
    for u in uniforms.tolist():
        move = _choose(board, temperature(white if board.turn else black), u)
        if move is None:
            break
        words += [f"{board.fullmove_number}."] if board.turn else []
        words.append(board.san_and_push(move))
        if board.is_insufficient_material():
            break
    result = _result(board)
    headers = {
        "Event": "Self-play",
        "Site": "?",
        "Date": "????.??.??",
        "Round": number + 1,
        "White": f"Softmax {white}",
        "Black": f"Softmax {black}",
        "Result": result,
        "WhiteElo": white,
        "BlackElo": black,
    }
    top = "".join(f'[{name} "{value}"]\n' for name, value in headers.items())
    return f"{top}\n{' '.join([*words, result])}\n\n"


def write_games(
    path: str | os.PathLike[str],
    games: int,
    seed: int = 0,
    *,
    max_plies: int = 80,
    workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """Play games 0 to `games - 1` of a series into a PGN file, whole or not at all.

    The file depends on neither `workers` nor the machine. A core plays a few thousand games a minute.

    Parameters
    ----------
    path
        The file, `.pgn`.
    games
        How many, >= 1.
    seed, max_plies
        As for `play_game`.
    workers
        Processes, >= 1; default one per core.
    progress
        Called with the share done.

    Raises
    ------
    InputError
        If an argument is out of its domain, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_games(f"{folder}/games.pgn", 2, max_plies=4, workers=1).read_text().count("[Event")
    2
    """
    workers = (os.cpu_count() or 1) if workers is None else workers
    if games < 1 or workers < 1:
        raise InputError(f"write_games needs `games` and `workers` >= 1; got {games} and {workers}. Raise them.")
    if Path(path).suffix != ".pgn":
        raise InputError(f"write_games needs a `path` that ends in .pgn; got {Path(path).name}. Rename it.")
    parts: list[str] = []
    for text in _chunks(games, seed, max_plies, min(workers, math.ceil(games / CHUNK))):
        parts.append(text)
        if progress is not None:
            progress(min(1.0, len(parts) * CHUNK / games))
    write_atomically(Path(path), "".join(parts).encode())
    return Path(path)


def _chunks(games: int, seed: int, max_plies: int, workers: int) -> Iterator[str]:
    jobs = [(first, min(CHUNK, games - first), seed, max_plies) for first in range(0, games, CHUNK)]
    if workers == 1:
        yield from map(_play_some, jobs)
        return
    # Not forked: a process that has started threads (torch, numba) cannot be forked safely.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_play_some, jobs)


def _play_some(job: tuple[int, int, int, int]) -> str:
    first, count, seed, max_plies = job
    return "".join(play_game(n, seed, max_plies=max_plies) for n in range(first, first + count))


def _choose(board: chess.Board, T: float, u: float) -> chess.Move | None:
    """The move whose stretch of the cumulative probability holds u in [0, 1); None where there is no legal move."""
    moves = list(board.legal_moves)
    if not moves:
        return None
    scores = _scores(board, moves)
    highest = max(scores)
    total = list(accumulate(math.exp((v - highest) / T) for v in scores))
    return next(m for m, upto in zip(moves, total, strict=True) if u * total[-1] < upto)


def _scores(board: chess.Board, moves: list[chess.Move]) -> list[float]:
    """`v(m)` of every move. Squares are sets of bits: bit s is square s."""
    import chess

    theirs = board.occupied_co[not board.turn]
    pawns = attacked = 0
    for square in chess.scan_forward(theirs):
        reach = board.attacks_mask(square)
        attacked |= reach
        if board.pawns >> square & 1:
            pawns |= reach
    king = chess.msb(theirs & board.kings)
    diagonal = chess.BB_DIAG_ATTACKS[king][chess.BB_DIAG_MASKS[king] & board.occupied]
    straight = (
        chess.BB_FILE_ATTACKS[king][chess.BB_FILE_MASKS[king] & board.occupied]
        | chess.BB_RANK_ATTACKS[king][chess.BB_RANK_MASKS[king] & board.occupied]
    )
    checks = (
        0,
        chess.BB_PAWN_ATTACKS[not board.turn][king],
        chess.BB_KNIGHT_ATTACKS[king],
        diagonal,
        straight,
        diagonal | straight,
        0,
    )

    def danger(square: int) -> float:
        return 1.0 if pawns >> square & 1 else 0.5 if attacked >> square & 1 else 0.0

    scores: list[float] = []
    for move in moves:
        piece = board.piece_type_at(move.from_square) or 0
        becomes = move.promotion or piece
        v = VALUES[board.piece_type_at(move.to_square) or 0] + VALUES[becomes] - VALUES[piece]
        v += VALUES[piece] * danger(move.from_square) - VALUES[becomes] * danger(move.to_square)
        if checks[becomes] >> move.to_square & 1:
            v += CHECK
        if piece <= chess.BISHOP:
            v += CENTRE[move.to_square] - CENTRE[move.from_square]
        elif piece == chess.KING and board.is_castling(move):
            v += CASTLING
        if piece == chess.PAWN and board.is_en_passant(move):
            v += VALUES[chess.PAWN]
        scores.append(v)
    return scores


def _result(board: chess.Board) -> str:
    if board.is_checkmate():
        return "0-1" if board.turn else "1-0"
    if board.is_stalemate() or board.is_insufficient_material():
        return "1/2-1/2"
    lead = sum(VALUES[p.piece_type] * (1 if p.color else -1) for p in board.piece_map().values())
    return "1/2-1/2" if abs(lead) < ADJUDICATED else "1-0" if lead > 0 else "0-1"
