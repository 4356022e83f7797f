"""CIFAR-5M's parts against hand-made ones in the real format."""

import zipfile

import numpy as np
import pytest

from scaling_collapse import InputError
from scaling_collapse.empirical.trainer.tasks.cifar5m import Cifar5mTask

pytestmark = pytest.mark.usefixtures("cache")


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
