"""Contexts of tokenized files: cut, held out, ordered; files that are missing, few or of another kind."""

import hashlib
import json

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer.tasks.token_file_task import TokenFileTask


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

    @pytest.mark.parametrize(("magic", "version", "dtype"), [(20240520, 1, "uint16"), (20240801, 7, "uint32")])
    def test_shards_of_llm_c(self, tmp_path, magic, version, dtype):
        tokens = np.random.default_rng(0).integers(0, 200, 103).astype(dtype)
        header = np.zeros(256, "<i4")
        header[:3] = magic, version, tokens.size
        path = tmp_path / "shard.bin"
        path.write_bytes(header.tobytes() + tokens.tobytes())
        options = {"file": path, "vocabulary_size": 200, "context": 10, "test_examples": 2, "order": None}
        for told in (None, dtype):
            task = TokenFileTask(dtype=told, **options)
            assert task.train_examples == 8
            assert (task.batch(3, 2).inputs.reshape(-1) == tokens[50:70]).all()
        with pytest.raises(InputError, match=rf"needs uint8; got a shard of llm.c, {dtype}"):
            TokenFileTask(dtype="uint8", **options).batch(0, 1)
        path.write_bytes(path.read_bytes()[:-3])
        with pytest.raises(InputError, match=r"a whole shard of llm.c; got .*says 103 tokens"):
            TokenFileTask(**options).batch(0, 1)

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
