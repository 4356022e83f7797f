"""Tasks against hand-made files in the real formats; examples by position; data that are missing, few or damaged."""

import hashlib
import json
import sys
import zipfile

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer.fourier_task import FourierTask
from scaling_collapse.empirical.trainer.tasks import TASKS, make_task
from scaling_collapse.empirical.trainer.tasks import chess_games as cg
from scaling_collapse.empirical.trainer.tasks.chess_games import ChessTask
from scaling_collapse.empirical.trainer.tasks.cifar5m import Cifar5mTask
from scaling_collapse.empirical.trainer.tasks.fourier_regression import FourierRegression, uniforms
from scaling_collapse.empirical.trainer.tasks.order import shuffled
from scaling_collapse.empirical.trainer.tasks.text import TextTask, standard_library
from scaling_collapse.empirical.trainer.tasks.token_file import TokenFileTask

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


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Token files of a test go nowhere else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "scaling-collapse"


class TestFourierRegression:
    TASK = FourierRegression(dimensions=3, exponent=1.5, modes=200, test_examples=64, data_seed=5)

    def test_any_range_gives_the_same_examples(self):
        x, y = self.TASK.batch(0, 100)
        for start, size in ((0, 1), (37, 13), (99, 1), (8, 64)):
            part = self.TASK.batch(start, size)
            assert (part.inputs == x[start : start + size]).all()
            assert (part.targets == y[start : start + size]).all()
        assert (x.shape, y.shape, x.dtype, y.dtype) == ((100, 3), (100,), np.float32, np.float32)
        assert (self.TASK.batch(10**15, 2).inputs != x[:2]).all()

    def test_inputs_are_uniform_and_train_differs_from_test(self):
        x = self.TASK.batch(0, 20_000).inputs
        assert np.abs(x).max() <= 0.5
        assert np.abs(np.histogram(x, 10, (-0.5, 0.5))[0] / x.size - 0.1).max() < 0.005
        assert not set(self.TASK.test_batch(0, 64).inputs[:, 0].tolist()) & set(x[:100, 0].tolist())
        assert abs(np.corrcoef(uniforms((0, 0), 0, 9999), uniforms((0, 1), 0, 9999))[0, 1]) < 0.05

    def test_unit_variance_by_exact_quadrature(self):
        # A grid finer than twice the highest frequency integrates y and y^2 exactly.
        target = FourierRegression(dimensions=2, exponent=1.5, modes=60).target
        n = 4 * int(np.abs(target.frequencies).max()) + 1
        x = np.stack(np.meshgrid(*[np.arange(n) / n - 0.5] * 2), axis=-1).reshape(-1, 2)
        y = target(x).astype(float)
        assert y.mean() == pytest.approx(0, abs=1e-5)
        assert y.var() == pytest.approx(1, abs=1e-5)

    def test_the_paper_s_target(self):
        task = FourierRegression()
        assert len(task.target.frequencies) == 3258  # and the constant, which the published target keeps
        assert len(FourierRegression(published=True).target.frequencies) == 3259
        y = task.batch(0, 10_000).targets.astype(float)
        assert y.mean() == pytest.approx(0, abs=0.04)
        assert y.var() == pytest.approx(1, abs=0.06)

    def test_the_published_target_is_the_unmerged_sum(self):
        task = FourierTask(dimensions=4, exponent=2.0, modes=500, seed=3, published=True)
        rng = np.random.default_rng(3)
        radius = (1 - rng.random(500)) ** -0.5
        k = rng.standard_normal((500, 4))
        k = np.rint(radius[:, None] * k / np.linalg.norm(k, axis=1)[:, None])
        w, phase = rng.standard_normal(500), rng.integers(0, 2, 500) * np.pi / 2
        x = np.random.default_rng(0).random((200, 4)) - 0.5
        naive = np.cos(2 * np.pi * x @ k.T + phase) @ (w / np.linalg.norm(w)) * np.sqrt(2)
        np.testing.assert_allclose(task(x), naive, atol=3e-5)

    def test_targets_are_the_target_s_whatever_the_block(self):
        t = FourierRegression().target
        x, y = FourierRegression().batch(10, 1100)
        turns = x.astype(float) @ t.frequencies.T + t.phases
        np.testing.assert_allclose(y, np.cos(2 * np.pi * turns) @ t.amplitudes, atol=1e-5)
        np.testing.assert_allclose(y, t(x), atol=2e-5)

    def test_describe(self):
        told = self.TASK.describe()
        assert json.loads(json.dumps(told)) == told
        assert (told["task"], told["merged_modes"]) == ("fourier", len(self.TASK.target.frequencies))

    def test_bad_options_and_ranges(self):
        with pytest.raises(InputError, match="FourierRegression needs `data_seed` >= 0; got -1"):
            FourierRegression(data_seed=-1)
        with pytest.raises(InputError, match="needs `dimensions` >= 1; got 0"):
            FourierRegression(dimensions=0)
        with pytest.raises(InputError, match="needs a `start` >= 0 and a `size` >= 1; got -1 and 2"):
            self.TASK.batch(-1, 2)
        with pytest.raises(InputError, match="up to example 65 of 64 in the test split"):
            self.TASK.test_batch(1, 64)


class TestOrder:
    @pytest.mark.parametrize("n", [1, 2, 3, 5, 64, 65, 1000])
    def test_a_permutation(self, n):
        assert sorted(shuffled(np.arange(n), n, seed=3).tolist()) == list(range(n))

    def test_seeds_differ_and_order_is_far_from_sorted(self):
        a, b = shuffled(np.arange(5000), 5000, 0), shuffled(np.arange(5000), 5000, 1)
        assert (a != b).mean() > 0.99
        assert abs(np.corrcoef(np.arange(5000), a)[0, 1]) < 0.05
        assert abs(np.corrcoef(a[1:], a[:-1])[0, 1]) < 0.05
        assert np.histogram(a[:1000], 5, (0, 5000))[0].min() > 150

    def test_large_n(self):
        n = 10**12 + 7
        at = shuffled(np.arange(100), n, 0)
        assert len(set(at.tolist())) == 100
        assert 0 <= at.min() < at.max() < n


class TestTokens:
    @pytest.mark.parametrize("suffix", ["npy", "bin"])
    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32"])
    def test_contexts_of_a_file(self, tmp_path, suffix, dtype):
        tokens = np.random.default_rng(0).integers(0, 200, 103).astype(dtype)
        path = tmp_path / f"tokens.{suffix}"
        np.save(path, tokens) if suffix == "npy" else path.write_bytes(tokens.tobytes())
        task = TokenFileTask(file=path, vocabulary_size=200, dtype=dtype, context=10, test_examples=2, order=None)
        assert (task.train_examples, task.example_tokens, task.vocabulary) == (8, 10, 200)
        x, y = task.batch(3, 2)
        assert (x.reshape(-1) == tokens[50:70]).all()
        assert (y.reshape(-1) == tokens[51:71]).all()
        assert (task.test_batch(1, 1).inputs[0] == tokens[10:20]).all()
        assert x.dtype == y.dtype == np.int64
        assert isinstance(task.tokens, np.memmap) or isinstance(task.tokens.base, np.memmap)
        assert task.describe()["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert json.dumps(task.describe())

    def test_one_pass_in_a_fixed_random_order(self, tmp_path):
        np.save(tmp_path / "t.npy", np.arange(1001))
        task = TokenFileTask(file=tmp_path / "t.npy", vocabulary_size=1001, context=10, test_examples=20)
        starts = np.concatenate([task.batch(k, 8).inputs[:, 0] for k in range(0, 80, 8)])
        assert sorted(starts.tolist()) == list(range(200, 1000, 10))
        assert (np.diff(starts) < 0).sum() > 20
        assert (task.batch(24, 16).inputs[:, 0] == starts[24:40]).all()
        with pytest.raises(InputError, match=r"seen once; got a request up to example 81 of 80 in the train split"):
            task.batch(76, 5)

    def test_last_target(self, tmp_path):
        np.save(tmp_path / "t.npy", np.arange(1, 21))
        for last, contexts, end in (("next", 3, 16), ("zero", 4, 0)):
            task = TokenFileTask(
                file=tmp_path / "t.npy", vocabulary_size=21, context=5, test_examples=1, last_target=last, order=None
            )
            assert task.train_examples == contexts - 1
            assert task.batch(1, 1).targets[0].tolist() == [12, 13, 14, 15, end]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"vocabulary_size": 50}, r"needs tokens in \[0, 50\); got 9[0-9] in .*Raise `vocabulary_size`"),
            ({"context": 60}, r"more than 2 contexts of 60 tokens, the test split; got 1 \(100 tokens\)"),
            ({"context": 1}, "needs `context` >= 2; got 1"),
            ({"test_examples": 0}, "needs `test_examples` >= 1; got 0"),
            ({"last_target": "none"}, "needs `last_target` next or zero; got 'none'"),
            ({"order": -1}, "needs an `order` >= 0 or none; got -1"),
            ({"dtype": "float32"}, "needs a `dtype` of uint8, .*; got 'float32'"),
            ({"dtype": "uint16"}, "needs uint16; got int64 in"),
            ({"vocabulary_size": 1}, "needs `vocabulary_size` >= 2; got 1"),
        ],
    )
    def test_bad_options(self, tmp_path, change, message):
        np.save(tmp_path / "t.npy", np.arange(100))
        options = {"file": tmp_path / "t.npy", "vocabulary_size": 100, "context": 10, "test_examples": 2} | change
        with pytest.raises(InputError, match=message):
            TokenFileTask(**options).test_batch(0, 2), TokenFileTask(**options).batch(0, 7)

    def test_bad_files(self, tmp_path):
        def read(name, content, **options):
            (tmp_path / name).write_bytes(content)
            return TokenFileTask(file=tmp_path / name, vocabulary_size=9, **options).batch(0, 1)

        with pytest.raises(InputError, match=r"needs files that exist; got .*none.npy"):
            TokenFileTask(file=tmp_path / "none.npy", vocabulary_size=9).batch(0, 1)
        with pytest.raises(InputError, match=r"cannot read .*a.npy.*damaged or of another kind"):
            read("a.npy", b"no numbers")
        with pytest.raises(InputError, match=r"needs the `dtype` of raw tokens; got none for a.bin"):
            read("a.bin", b"123")
        with pytest.raises(InputError, match="needs whole uint16 tokens; got 3 bytes"):
            read("a.bin", b"123", dtype="uint16")
        np.save(tmp_path / "o.npy", np.asfortranarray(np.ones((3, 4), int)))
        with pytest.raises(InputError, match="needs an array in C order; got Fortran order"):
            TokenFileTask(file=tmp_path / "o.npy", vocabulary_size=9).batch(0, 1)
        np.save(tmp_path / "f.npy", np.zeros(5))
        with pytest.raises(InputError, match="needs whole numbers; got float64"):
            TokenFileTask(file=tmp_path / "f.npy", vocabulary_size=9).batch(0, 1)


class TestText:
    def test_given_files(self, tmp_path, cache):
        texts = {"a.txt": b"aaaa" * 9, "b.txt": b"bb" * 9, "c.txt": bytes(range(256))}
        for name, text in texts.items():
            (tmp_path / name).write_bytes(text)
        task = TextTask(files=tuple(tmp_path / n for n in texts), context=8, test_examples=1)
        ordered = sorted(texts, key=lambda n: hashlib.sha256(n.encode()).digest())
        joined = b"\0".join(texts[n] for n in ordered)
        assert task.tokens.tobytes() == joined
        assert task.describe()["sha256"] == hashlib.sha256(joined).hexdigest()
        assert task.describe()["files"] == ["a.txt", "b.txt", "c.txt"]
        assert json.loads(json.dumps(task.describe()))["joined_files"] == 3
        (made,) = cache.glob("*.tokens")
        first = made.stat().st_mtime_ns
        assert TextTask(files=task.files, context=4, test_examples=1).tokens.tobytes() == joined
        assert made.stat().st_mtime_ns == first
        (tmp_path / "b.txt").write_bytes(b"changed")
        assert b"changed" in TextTask(files=task.files, context=8, test_examples=1).tokens.tobytes()

    def test_a_file_cut_short_is_made_again(self, tmp_path, cache):
        (tmp_path / "a.txt").write_bytes(b"0123456789" * 9)
        options = {"files": (tmp_path / "a.txt",), "context": 8, "test_examples": 1}
        assert len(TextTask(**options).tokens) == 90
        (made,) = cache.glob("*.tokens")
        made.write_bytes(b"012")
        assert len(TextTask(**options).tokens) == 90
        assert not [p for p in cache.iterdir() if p.name.startswith(".")]

    def test_the_standard_library(self):
        task = TextTask(context=128)
        files = standard_library()
        assert 8e6 < len(task.tokens) < 2e7
        assert not [name for name in files if "site-packages" in name or "/tests/" in name or name.startswith("test/")]
        assert task.describe()["source"].startswith("standard library of Python 3.")
        x = task.batch(0, 64).inputs
        assert ((x > 0) & (x < 128)).mean() > 0.97
        # The horizon must fit one pass.
        with pytest.raises(InputError, match="TextTask needs every example to be seen once"):
            task.batch(task.train_examples, 1)

    def test_empty_and_missing(self, tmp_path):
        (tmp_path / "a.txt").write_bytes(b"")
        with pytest.raises(InputError, match="TextTask needs files with text; got empty ones"):
            TextTask(files=(tmp_path / "a.txt",)).batch(0, 1)
        with pytest.raises(InputError, match=r"TextTask needs files that exist; got .*b.txt"):
            TextTask(files=(tmp_path / "b.txt",)).batch(0, 1)
        (tmp_path / "f").write_text("")
        (tmp_path / "c.txt").write_text("some text" * 9)
        with pytest.raises(InputError, match="cannot make the folder"):
            TextTask(files=(tmp_path / "c.txt",), cache=tmp_path / "f").batch(0, 1)


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

    @pytest.mark.parametrize(("missing", "name"), [("chess.pgn", "games.pgn"), ("zstandard", "games.pgn.zst")])
    def test_a_missing_extra_says_what_to_install(self, tmp_path, monkeypatch, optional, missing, name):
        optional("chess")
        monkeypatch.setitem(sys.modules, missing, None)
        package = missing.split(".")[0]
        with pytest.raises(
            InputError, match=rf"ChessTask needs the package {package}; got none. .*'scaling-collapse\[train\]'"
        ):
            ChessTask(files=(self.write(tmp_path, MATE, name=name),)).batch(0, 1)


class TestCifar5m:
    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    def test_hand_made_parts(self, tmp_path, save):
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
        images[0, 0, :3] = [[255, 255, 255], [0, 0, 2], [1, 1, 1]]
        save(tmp_path / "part0.npz", X=images[:3], Y=np.arange(3))
        save(tmp_path / "part1.npz", X=images[3:], Y=np.arange(2))
        task = Cifar5mTask(files=(tmp_path / "part0.npz", tmp_path / "part1.npz"), test_examples=2)
        assert task.test_batch(0, 1).inputs[0, :3].tolist() == [255, 0, 1]
        x, y = task.batch(0, 3)
        assert (x == images[2:].astype(int).sum(-1).reshape(3, 1024) // 3).all()
        assert (y[:, :-1] == x[:, 1:]).all()
        assert not y[:, -1].any()
        assert (task.vocabulary, task.example_tokens, task.describe()["images"]) == (256, 1024, 5)
        with pytest.raises(InputError, match="up to example 4 of 3 in the train split"):
            task.batch(2, 2)

    def test_bad_parts(self, tmp_path):
        def read(name, content=None, **arrays):
            path = tmp_path / name
            np.savez(path, **arrays) if content is None else path.write_bytes(content)
            return Cifar5mTask(files=(path,), test_examples=1).batch(0, 1)

        with pytest.raises(InputError, match=r"needs X as uint8 of shape \(N, 32, 32, 3\).*got float64 \(2, 32,"):
            read("a.npz", X=np.zeros((2, 32, 32, 3)))
        with pytest.raises(InputError, match=r"cannot read .*b.npz: .*no item named 'X.npy'"):
            read("b.npz", Z=np.zeros(3))
        with pytest.raises(InputError, match=r"cannot read .*c.npz: File is not a zip file"):
            read("c.npz", content=b"not a zip")
        np.savez(tmp_path / "d.npz", X=np.zeros((2, 32, 32, 3), np.uint8))
        with zipfile.ZipFile(tmp_path / "d.npz") as part:
            whole = part.read("X.npy")
        with zipfile.ZipFile(tmp_path / "e.npz", "w") as part:
            part.writestr("X.npy", whole[:-100])
        with pytest.raises(InputError, match=r"cannot read .*e.npz: the array X ends too early"):
            Cifar5mTask(files=(tmp_path / "e.npz",), test_examples=1).batch(0, 1)
        assert not list((tmp_path / "cache").rglob(".*tokens*"))


class TestMakeTask:
    def test_every_kind_is_there(self):
        assert set(TASKS) == {"fourier", "chess", "cifar5m", "text", "tokens"}
        assert make_task("text", {"context": 64}).example_tokens == 64
        assert make_task("tokens", {"file": "x.npy", "vocabulary_size": 9}).vocabulary == 9
        assert make_task("chess", {"files": ["a.pgn"]}).vocabulary == 64
        assert make_task("cifar5m").example_tokens == 1024
        assert make_task("fourier", {"dimensions": 2, "modes": 9}).vocabulary is None

    @pytest.mark.parametrize(
        ("kind", "options", "message"),
        [
            ("fourrier", {}, "needs a task of fourier, chess, cifar5m, text, tokens; got 'fourrier'"),
            ("text", {"contxt": 1}, "TextTask needs options of context, .*; got 'contxt'"),
            ("text", {"context": "long"}, "TextTask needs a valid `context`; got 'long'"),
            ("text", {"context": 1}, "TextTask needs `context` >= 2; got 1"),
            ("tokens", {"file": "x.npy"}, "TokenFileTask needs a valid `vocabulary_size`"),
        ],
    )
    def test_bad_options(self, kind, options, message):
        with pytest.raises(InputError, match=message):
            make_task(kind, options)
