"""One reader per kind of file (`reader.py` says how); each says by itself what it reads.

To add a kind: one new file here and one line in `READERS`.
"""

from __future__ import annotations

import struct
import zlib

import pyarrow as pa

from ....common import InputError, Registry
from ..log import Log
from ..source_file import SourceFile
from .reader import Reader

__all__ = ["READERS", "TABLES", "Reader", "read_log", "reader_of"]

READERS: Registry[Reader] = Registry(
    "reader",
    __name__,
    {
        "parquet": "parquet:PARQUET",
        "wandb": "wandb:WANDB",
        "mlflow": "mlflow:MLFLOW",
        "trackio": "trackio:TRACKIO",
        "mlflow-files": "mlflow:MLFLOW_FILES",
        "pickle": "pickled:PICKLED",
        "huggingface": "huggingface:HUGGINGFACE",
        "jsonl": "jsonl:JSONL",
        "lightning": "lightning:LIGHTNING",
        "wandb-page": "wandb_wide:WANDB_WIDE",
        "tensorboard-page": "tensorboard_csv:TENSORBOARD_CSV",
        "csv": "csv:CSV",
        "tensorboard": "tensorboard:TENSORBOARD",
        "text": "text_log:TEXT_LOG",
    },
)
"""The readers by name; the first that reads a file has it."""
DAMAGE = (pa.ArrowException, ValueError, TypeError, KeyError, OverflowError, struct.error, zlib.error)
"""What libraries raise over damaged files."""
MOST_WORDS = 200
TABLES = ("parquet", "csv", "jsonl")
"""Those of files that may be curve tables already."""


def reader_of(file: SourceFile) -> str | None:
    """The name of the reader that reads a file."""
    return next((name for name, reader in READERS.items() if reader.reads(file)), None)


def read_log(name: str, files: list[SourceFile]) -> Log:
    """What the files of one unit hold, or an `InputError` that says what is wrong with them."""
    path = files[0].name
    try:
        log = READERS[name].log(files)
        log.table.validate(full=True)  # text that is not UTF-8 would fail far from here
    except InputError:
        raise
    except (RecursionError, MemoryError):
        raise InputError(
            f"read_curves cannot read {path} as {name}: it is nested or large beyond sense. Check the file."
        ) from None
    except (OSError, EOFError) as error:
        raise InputError(f"read_curves cannot read {path}: {_in_short(error)}. Check the file.") from None
    except DAMAGE as error:
        raise InputError(
            f"read_curves cannot read {path} as {name}: {_in_short(error)}. The file is damaged or of another kind; "
            "export it again."
        ) from None
    return log


def _in_short(error: Exception) -> str:
    """The error's own words in one line."""
    words = " ".join(str(getattr(error, "strerror", None) or error).split()).rstrip(".")
    return words[:MOST_WORDS] or type(error).__name__
