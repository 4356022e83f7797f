"""Logs as other programs write them, made without those programs."""

import json
import sqlite3
import struct
import zlib
from pathlib import Path

POLYNOMIAL = 0x82F63B78


# Protocol buffers -------------------------------------------------------------------------------------------------


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while True:
        byte, value = value & 0x7F, value >> 7
        out += bytes([byte | (0x80 if value else 0)])
        if not value:
            return out


def field(number, value):
    """A field: bytes and text with a length, floats as 4 bytes, integers as varints."""
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


# Weights & Biases -------------------------------------------------------------------------------------------------


def wandb_file(path, rows, *, name="small-0", config=None, run_id="abc"):
    """A `.wandb` file: the run, then one history record for each row."""
    items = b"".join(field(1, field(1, k) + field(16, json.dumps(v))) for k, v in (config or {}).items())
    records = [field(17, field(1, run_id) + field(4, items) + field(8, name))]
    for i, row in enumerate(rows):
        keys = b"".join(field(1, field(2, k) + field(16, json.dumps(v))) for k, v in (row | {"_step": i}).items())
        records.append(field(2, keys + field(2, field(1, i))))
    return written(path, b":W&B\xe1\xbe\x00" + blocks(records, 7))


def blocks(records, at, size=32768):
    """Records in blocks, as LevelDB has them."""
    out = b""
    for record in records:
        first = True
        while True:
            left = size - (at + len(out)) % size
            if left < 7:
                out += b"\0" * left
                continue
            piece, record = record[: left - 7], record[left - 7 :]
            kind = (1 if not record else 2) if first else (4 if not record else 3)
            out += struct.pack("<IHB", zlib.crc32(bytes([kind]) + piece), len(piece), kind) + piece
            first = False
            if not record:
                break
    return out


# TensorBoard ------------------------------------------------------------------------------------------------------


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (POLYNOMIAL if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def event(step, scalars=(), *, tensor=False, start=False):
    body = struct.pack("<Bd", 1 << 3 | 1, 1.5) + field(2, step)
    if start:
        body += field(7, field(1, 1))
    for tag, value in scalars:
        held = field(8, field(1, 1) + field(4, struct.pack("<f", value))) if tensor else field(2, float(value))
        body += field(5, field(1, field(1, tag) + held))
    return body


def event_file(path, events):
    out = b""
    for data in events:
        length = struct.pack("<Q", len(data))
        out += length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))
    return written(path, out)


# Databases --------------------------------------------------------------------------------------------------------


def mlflow_database(path, runs):
    """`runs`: name to (params, [(key, step, value)])."""
    with sqlite3.connect(path) as db:
        db.executescript(
            "CREATE TABLE runs (run_uuid TEXT, name TEXT, lifecycle_stage TEXT);"
            "CREATE TABLE metrics (key TEXT, value FLOAT, timestamp INT, run_uuid TEXT, step INT, is_nan INT);"
            "CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);"
            "CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);"
        )
        for i, (name, (params, points)) in enumerate(runs.items()):
            db.execute("INSERT INTO runs VALUES (?, ?, 'active')", (f"id{i}", name))
            db.executemany("INSERT INTO params VALUES (?, ?, ?)", [(k, str(v), f"id{i}") for k, v in params.items()])
            rows = []
            for time, (key, step, value) in enumerate(points):
                nan = value != value
                held = 0.0 if nan else max(min(value, 1.7976931348623157e308), -1.7976931348623157e308)
                rows.append((key, held, time, f"id{i}", step, nan))
            db.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", rows)
        db.execute("INSERT INTO runs VALUES ('gone', 'deleted run', 'deleted')")
        db.execute("INSERT INTO metrics VALUES ('val_loss', 9.0, 0, 'gone', 0, 0)")
    db.close()
    return path


def mlflow_files(folder, name, params, points):
    """A run in MLflow's folder of files; `points`: key to [(step, value)]."""
    run = Path(folder) / "mlruns" / "1" / f"{name}-id"
    for part in ("metrics", "params", "tags"):
        (run / part).mkdir(parents=True)
    (run / "meta.yaml").write_text(f"artifact_uri: x\nlifecycle_stage: active\nrun_id: {name}-id\nrun_name: {name}\n")
    for key, value in params.items():
        (run / "params" / key).write_text(str(value))
    for key, values in points.items():
        path = run / "metrics" / key
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{1000 + step} {value} {step}\n" for step, value in values))
    return run


def trackio_database(path, runs):
    """`runs`: name to (config, rows)."""
    with sqlite3.connect(path) as db:
        db.executescript(
            "CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_id TEXT, run_name TEXT, step INTEGER, metrics TEXT);"
            "CREATE TABLE configs (id INTEGER PRIMARY KEY, run_id TEXT, run_name TEXT, config TEXT);"
        )
        for i, (name, (config, rows)) in enumerate(runs.items()):
            db.execute(
                "INSERT INTO configs (run_id, run_name, config) VALUES (?, ?, ?)", (f"r{i}", name, json.dumps(config))
            )
            for step, row in enumerate(rows):
                text = json.dumps(row).replace(": NaN", ': "NaN"').replace(": Infinity", ': "Infinity"')
                db.execute(
                    "INSERT INTO metrics (run_id, run_name, step, metrics) VALUES (?, ?, ?, ?)",
                    (f"r{i}", name, step, text.encode()),
                )
    db.close()
    return path


def written(path, content):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
