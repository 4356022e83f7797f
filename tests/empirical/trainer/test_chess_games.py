"""Chess games against hand-made movetext in the real format; files that are damaged or hold none."""

import sys

import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer.tasks import chess_games as cg
from scaling_collapse.empirical.trainer.tasks.chess_games import ChessTask

pytestmark = pytest.mark.usefixtures("cache")

# Lichess's export: clocks and evaluations in comments, blank line before and after the movetext.
CASTLING = """[Event "Rated Blitz game"]
[Site "https://lichess.org/abcdefgh"]
[White "ann"]
[Black "bob"]
[Result "1-0"]
[WhiteElo "1639"]
[BlackElo "1403"]
[UTCDate "2016.11.30"]
[TimeControl "300+0"]

1. e4 { [%eval 0.17] [%clk 0:05:00] } 1... e5 { [%clk 0:05:00] } 2. Nf3 Nc6 3. Bc4 Bc5 4. O-O! { castles } 4... d6?!
5. c3 (5. d4 exd4) 5... Nf6 6. d4 exd4 7. cxd4 Bb6 $1 8. h3 O-O 1-0

"""
PROMOTION = """[Event "Casual game"]
[Result "0-1"]
[WhiteElo "?"]
[BlackElo "2100"]

1. d4 e5 2. dxe5 d6 3. exd6 Qg5 4. dxc7 Qxc1 5. cxb8=Q Qxb1 6. Qxb1?? Rxb8 0-1

"""
MATE = """[Event "Rated Bullet game"]
[Result "1-0"]
[WhiteElo "900"]
[BlackElo "850"]

1. e4 e5 2. Qh5 Nc6 3. Bc4 Nf6 4. Qxf7# 1-0

"""
CHECK = '[WhiteElo "1200"]\n[BlackElo "1300"]\n\n1. e4 f5 2. Qh5+ g6 3. Qd1 1/2-1/2\n\n'
TEXTS = [
    (
        "<e4,e5;Nf3,Nc6;Bc4,Bc5;O-O,d6;c3,Nf6;d4,exd4;cxd4,Bb6;h3,O-O;|1639|1403|"
        "r1bq1rk1/ppp2ppp/1bnp1n2/8/2BPP3/5N1P/PP3PP1/RNBQ1RK1 w - - 1 9>"
    ),
    (
        "<d4,e5;dxe5,d6;exd6,Qg5;dxc7,Qxc1;cxb8=Q,Qxb1;Qxb1,Rxb8;|?|2100|"
        "1rb1kbnr/pp3ppp/8/8/8/8/PPP1PPPP/RQ2KBNR w KQk - 0 7>"
    ),
    "<e4,e5;Qh5,Nc6;Bc4,Nf6;Qxf7#,|900|850|r1bqkb1r/pppp1Qpp/2n2n2/4p3/2B1P3/8/PPPP1PPP/RNB1K1NR b KQkq - 0 4>",
    "<e4,f5;Qh5+,g6;Qd1,|1200|1300|rnbqkbnr/ppppp2p/6p1/5p2/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 1 3>",
]


class TestChess:
    def write(self, folder, *texts, name="games.pgn"):
        (folder / name).write_text("".join(texts), encoding="utf-8")
        return folder / name

    def test_real_movetext_round_trips(self, tmp_path, optional):
        optional("chess")
        path = self.write(tmp_path, CASTLING, PROMOTION, MATE, CHECK)
        counts = {}
        assert list(cg.games([path], counts)) == TEXTS
        assert counts == {"games": 4}
        task = ChessTask(files=(path,), context=16, test_examples=2)
        assert cg.decode(task.tokens) == "".join(TEXTS)
        assert task.tokens.min() >= 1
        assert task.tokens.max() < task.vocabulary == 64
        x, y = task.batch(0, 3)
        assert "".join(map(cg.decode, x)) == "".join(TEXTS)[32:80]
        assert (y[:, :-1] == x[:, 1:]).all()
        assert not y[:, -1].any()

    def test_moves_played_again_reach_the_position(self, optional):
        chess = optional("chess")
        for text in TEXTS:
            moves, _, _, fen = text[1:-1].split("|")
            board = chess.Board()
            for move in moves.replace(";", ",").split(",")[:-1]:
                assert board.san(board.parse_san(move)) == move
                board.push_san(move)
            assert board.fen() == fen

    def test_every_symbol_once(self):
        assert len(set(cg.SYMBOLS)) == len(cg.SYMBOLS) < cg.VOCABULARY
        assert cg.decode(cg.encode(cg.SYMBOLS)) == cg.SYMBOLS

    @pytest.mark.parametrize("frames", [1, 2])
    def test_compressed(self, tmp_path, optional, frames):
        zstandard = optional("zstandard")
        optional("chess")
        pieces = [CASTLING + PROMOTION + MATE + CHECK] if frames == 1 else [CASTLING[:150], CASTLING[150:] + CHECK]
        path = tmp_path / "lichess.pgn.zst"
        path.write_bytes(b"".join(zstandard.ZstdCompressor().compress(p.encode()) for p in pieces))
        assert list(cg.games([path], {})) == (TEXTS if frames == 1 else [TEXTS[0], TEXTS[3]])
        whole = path.read_bytes()
        for broken, why in ((whole[:-20], "it ends too early"), (whole[:4] + b"no such frame", ""), (b"text", "")):
            path.write_bytes(broken)
            with pytest.raises(InputError, match=rf"cannot read .*lichess.pgn.zst: .*{why}.*damaged; fetch it again"):
                list(cg.games([path], {}))

    def test_what_is_left_out_is_counted(self, tmp_path, optional):
        optional("chess")
        path = self.write(
            tmp_path,
            MATE,
            MATE.replace("Qxf7#", "Qxe8"),
            '[WhiteElo "1"]\n\n1-0\n\n',
            '[Variant "Atomic"]\n\n1. e4 e5 1-0\n\n',
            '[FEN "4k3/8/8/8/8/8/8/4K2R w K - 0 1"]\n[SetUp "1"]\n\n1. O-O 1-0\n\n',
            MATE.replace('"900"', '"strong"'),
            CHECK,
            MATE.replace(" 1-0\n", "\n"),
        )
        counts = {}
        assert list(cg.games([path], counts)) == [TEXTS[2], TEXTS[3]]
        assert counts == {
            "games": 2,
            "left out: illegal or unreadable move": 1,
            "left out: no moves": 1,
            "left out: another start or variant": 2,
            "left out: rating is no number": 1,
            "left out: cut short": 1,
        }
        assert ChessTask(files=(path,), context=8, test_examples=1).describe()["left out: no moves"] == 1

    def test_max_tokens_and_several_files(self, tmp_path, optional):
        optional("chess")
        paths = (self.write(tmp_path, CASTLING), self.write(tmp_path, MATE, CHECK, name="more.pgn"))
        options = {"files": paths, "context": 8, "test_examples": 1}
        assert cg.decode(ChessTask(**options).tokens) == TEXTS[0] + TEXTS[2] + TEXTS[3]
        short = ChessTask(**options, max_tokens=len(TEXTS[0]) + 1)
        assert cg.decode(short.tokens) == TEXTS[0] + TEXTS[2]

    def test_bad_files(self, tmp_path, optional):
        optional("chess")
        with pytest.raises(InputError, match="ChessTask needs at least one file; got none"):
            ChessTask().batch(0, 1)
        with pytest.raises(InputError, match=r"needs files with games; got no game at all in e.pgn"):
            ChessTask(files=(self.write(tmp_path, "", name="e.pgn"),)).batch(0, 1)
        with pytest.raises(InputError, match=r"needs .pgn or .pgn.zst files; got games.txt"):
            ChessTask(files=(self.write(tmp_path, MATE, name="games.txt"),)).batch(0, 1)
        with pytest.raises(InputError, match="needs `max_tokens` >= 1 or none; got 0"):
            ChessTask(max_tokens=0)

    @pytest.mark.parametrize(
        ("missing", "name", "extra"), [("chess.pgn", "games.pgn", "chess"), ("zstandard", "games.pgn.zst", "train")]
    )
    def test_a_missing_extra_says_what_to_install(self, tmp_path, monkeypatch, optional, missing, name, extra):
        optional("chess")
        monkeypatch.setitem(sys.modules, missing, None)
        package = missing.split(".")[0]
        with pytest.raises(
            InputError, match=rf"ChessTask needs the package {package}; got none. .*'scaling-collapse\[{extra}\]'"
        ):
            ChessTask(files=(self.write(tmp_path, MATE, name=name),)).batch(0, 1)
