"""Games of the stated policy: legal, fixed by number and seed, drawn with the stated probabilities, read back whole."""

import io
import os
import re
from collections import Counter

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer import self_play
from scaling_collapse.empirical.trainer.self_play import RATINGS, play_game, temperature, write_games
from scaling_collapse.empirical.trainer.tasks.chess_games import ChessTask, decode, games

try:
    import chess
    import chess.pgn
except ModuleNotFoundError:
    if os.environ.get("CI"):
        raise
    pytest.skip("chess is not installed", allow_module_level=True)


def naive_scores(board):
    """v(m) by trying each move, from the sentence in the module."""
    value = {None: 0, chess.PAWN: 1, chess.KNIGHT: 3, chess.BISHOP: 3, chess.ROOK: 5, chess.QUEEN: 9, chess.KING: 4}
    enemy = not board.turn

    def danger(square):
        attackers = [board.piece_type_at(s) for s in board.attackers(enemy, square)]
        return 0 if not attackers else 1 if chess.PAWN in attackers else 0.5

    def off_centre(square):
        return max(abs(chess.square_file(square) - 3.5), abs(chess.square_rank(square) - 3.5))

    def score(move):
        piece = board.piece_type_at(move.from_square)
        becomes = move.promotion or piece
        v = value[becomes] - value[piece]
        if board.is_capture(move):
            v += 1 if board.is_en_passant(move) else value[board.piece_type_at(move.to_square)]
        v += value[piece] * danger(move.from_square) - value[becomes] * danger(move.to_square)
        v += 1.0 if board.is_castling(move) else 0.0
        if piece in (chess.PAWN, chess.KNIGHT, chess.BISHOP):
            v += 0.1 * (off_centre(move.from_square) - off_centre(move.to_square))
        # A direct check: the moved piece, seen from where it lands, attacks the king on the board as it was.
        alone = board.copy()
        alone.remove_piece_at(move.to_square)
        alone.set_piece_at(move.to_square, chess.Piece(becomes, board.turn))
        return v + (0.5 if board.king(enemy) in alone.attacks(move.to_square) else 0.0)

    return {move: score(move) for move in board.legal_moves}


POSITIONS = [
    chess.STARTING_FEN,
    "r3k2r/pppq1ppp/2npbn2/2b1p3/2B1P3/2NPBN2/PPPQ1PPP/R3K2R w KQkq - 0 8",  # castling, pins, attacked pieces
    "8/P3k3/8/2pP4/8/3p4/4K2p/6N1 w - c6 0 40",  # promotion and en passant
    "8/p7/8/8/1Pp5/8/1k1K3p/8 b - b3 0 40",
    "4k3/8/8/8/1b6/8/3Q4/4K2R w K - 0 1",  # a pinned queen, checks
]


class TestPolicy:
    @pytest.mark.parametrize("fen", POSITIONS)
    def test_scores_are_those_of_the_stated_policy(self, fen):
        board = chess.Board(fen)
        moves = list(board.legal_moves)
        got = dict(zip(moves, self_play._scores(board, moves), strict=True))
        assert got == pytest.approx(naive_scores(board), abs=1e-12)

    def test_moves_are_drawn_with_their_probabilities(self):
        board, T, n = chess.Board(POSITIONS[1]), 0.7, 4000
        drawn = Counter(self_play._choose(board, T, u) for u in (np.arange(n) + 0.5) / n)
        scores = naive_scores(board)
        p = np.exp(np.array(list(scores.values())) / T)
        expected = dict(zip(scores, n * p / p.sum(), strict=True))
        assert all(abs(drawn[m] - expected[m]) <= 1 for m in expected)

    def test_a_stronger_player_takes_the_gift(self):
        board = chess.Board("4k3/8/8/3q4/8/4N3/8/4K3 w - - 0 1")
        us = (np.arange(500) + 0.5) / 500
        takes = [sum(board.is_capture(self_play._choose(board, temperature(r), u)) for u in us) for r in RATINGS]
        assert takes == sorted(takes)
        assert takes[0] > 0

    def test_no_legal_move_ends_the_game(self):
        assert self_play._choose(chess.Board("7k/5Q2/6K1/8/8/8/8/8 b - - 0 1"), 1.0, 0.5) is None


class TestGames:
    def test_fixed_by_number_and_seed(self):
        assert play_game(3) == play_game(3)
        assert len({play_game(3), play_game(4), play_game(3, 1)}) == 3

    def test_results(self):
        kinds = Counter()
        for n in range(60):
            game = chess.pgn.read_game(io.StringIO(play_game(n)))
            assert not game.errors
            board = game.end().board()
            assert len(list(game.mainline_moves())) <= 80
            assert {game.headers["WhiteElo"], game.headers["BlackElo"]} <= set(map(str, RATINGS))
            if board.is_game_over():
                assert board.result() == game.headers["Result"]
            kinds[game.headers["Result"]] += 1
        assert set(kinds) == {"1-0", "0-1", "1/2-1/2"}

    @pytest.mark.parametrize(
        ("fen", "result"),
        [
            ("4k3/8/8/8/8/8/8/R3K3 b - - 0 1", "1-0"),
            ("4k3/pppp4/8/8/8/8/8/1N2K3 b - - 0 1", "1/2-1/2"),
            ("4k3/pppp4/8/8/8/8/P7/4K3 w - - 0 1", "0-1"),
            ("7k/5Q2/6K1/8/8/8/8/8 b - - 0 1", "1/2-1/2"),  # stalemate, though a queen ahead
            ("7k/6Q1/6K1/8/8/8/nnnnn3/8 b - - 0 1", "1-0"),
        ],
    )
    def test_adjudication(self, fen, result):
        assert self_play._result(chess.Board(fen)) == result

    def test_the_reader_keeps_every_game(self, tmp_path):
        path = write_games(tmp_path / "games.pgn", 40, seed=2, workers=1)
        counts = {}
        texts = list(games([path], counts))
        assert counts == {"games": 40}
        moves = re.sub(r"\d+\. ", "", play_game(7, 2).splitlines()[-2]).split()[:-1]
        assert re.split("[,;]", texts[7][1:].split("|")[0])[:-1] == moves
        task = ChessTask(files=(path,), context=64, test_examples=10, cache=tmp_path)
        assert decode(task.tokens[: len(texts[0])]) == texts[0]

    def test_workers_change_nothing(self, tmp_path):
        alone = write_games(tmp_path / "a.pgn", 70, max_plies=6, workers=1)
        shares = []
        together = write_games(tmp_path / "b.pgn", 70, max_plies=6, workers=2, progress=shares.append)
        assert alone.read_bytes() == together.read_bytes()
        assert shares == [pytest.approx(64 / 70), 1.0]


class TestRefusals:
    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (
                lambda to: play_game(-1),
                "play_game needs `number` and `seed` >= 0 and `max_plies` >= 1; got -1, 0",
            ),
            (lambda to: play_game(0, max_plies=0), "got 0, 0 and 0"),
            (lambda to: write_games(to / "a.pgn", 0), "write_games needs `games` and `workers` >= 1; got 0 and"),
            (lambda to: write_games(to / "a.txt", 1), r"write_games needs a `path` that ends in \.pgn; got a\.txt"),
            (lambda to: write_games(to / "no" / "a.pgn", 1, max_plies=1, workers=1), "cannot write .*a.pgn"),
        ],
    )
    def test_named(self, call, message, tmp_path):
        with pytest.raises(InputError, match=message):
            call(tmp_path)
        assert not list(tmp_path.iterdir())
