"""How long does one wait? Start-up, `measure`, reading, `derive` and a forecast, each in fresh processes.

Claims: `import scaling_collapse` within 0.15 s, `--help` within 0.4 s, `measure` on a table within 2 s, all from the
start of Python to its end; 1,000 runs of 1,000 points read within 2 s and a forecast with its calibration within 0.4 s,
both after imports. Rivals run in turn with ours: what numpy, or scipy and pyarrow, take to import alone (nothing that
uses them can be faster), pandas for reading, the multi-power law (Luo et al. 2025) for the forecast.

Run: python benchmarks/startup_and_waits.py [--repeats N] [--curves DIR] (1 to 2 minutes). Medians; where others
use the machine too, the processor's seconds tell more than the wall clock's. Where the time of a start goes:
python -X importtime -m scaling_collapse --help
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
LAW = "L0 + a*t**-mu + b*p**-nu"
START = "import time\nstart, used = time.perf_counter(), time.process_time()"
STOP = "print(time.perf_counter() - start, time.process_time() - used)"


@dataclass(frozen=True)
class Job:
    """What a fresh process does; with `before`, only what follows it is timed, by the process itself."""

    name: str
    code: str
    before: str | None = None

    def seconds(self):
        """Of the clock on the wall, and of the processor."""
        code = self.code if self.before is None else "\n".join([self.before, START, self.code, STOP])
        start, used = time.perf_counter(), processor_seconds_of_children()
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        if self.before is None:
            return time.perf_counter() - start, processor_seconds_of_children() - used
        wall, processor = done.stdout.split()[-2:]
        return float(wall), float(processor)


def processor_seconds_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def verb(*words):
    return f"from scaling_collapse.cli import main\nassert main({[str(w) for w in words]!r}) == 0"


def write_large_table(path, n=1000):
    columns = {
        "run": np.repeat([f"r{i}" for i in range(n)], n),
        "params": np.repeat(np.arange(n) // 5 + 10, n),
        "tokens": np.tile(np.arange(1.0, n + 1), n),
        "loss": np.random.default_rng(0).random(n * n) + 1,
        "seed": np.repeat(np.arange(n) % 5, n),
    }
    pq.write_table(pa.table(columns), path)


def forecast_job(law):
    """The second of two equal calls: calibration on 2 schedules, forecast of the others' runs."""
    name = "mlp-schedule-{}.parquet"
    read = "list(read_curves([folder / f'mlp-schedule-{s}.parquet' for s in SCHEDULES], use_horizon=False))"
    known, new = (read.replace("SCHEDULES", repr(s)) for s in (("constant", "linear"), ("cosine", "wsd")))
    call = f"forecast(known, new, law={law!r})"
    before = (
        "from pathlib import Path\nfrom scaling_collapse import read_curves\n"
        "from scaling_collapse.sgd_noise_model import forecast\nfolder = Path('scaling_collapse/ladders/curves')\n"
        f"known, new = {known}, {new}\n{call}"
    )
    assert (ROOT / "scaling_collapse" / "ladders" / "curves" / name.format("wsd")).exists()
    return Job(f"forecast, {law} law", call, before)


def waits(curves, large):
    """(ours, rival, target in seconds)."""
    imports = Job("import scipy.optimize, pyarrow", "import scipy.optimize, pyarrow")
    yield Job("import scaling_collapse", "import scaling_collapse"), Job("import numpy", "import numpy"), 0.15
    yield Job("--help", verb("--help")), imports, 0.4
    tables = [ROOT / "scaling_collapse" / "ladders" / "curves" / "mlp.parquet", curves / "qiu_cifar5m_linear.parquet"]
    for table in tables:
        if table.exists():
            yield Job(f"measure {table.name}", verb("measure", table)), imports, 2.0
    yield Job("derive, two symbolic terms", verb("derive", LAW)), Job("import sympy", "import sympy"), 2.0
    by_pandas = f"runs = dict(list(pandas.read_parquet({str(large)!r}).sort_values(['run', 'tokens']).groupby('run')))"
    yield (
        Job("read 1,000 x 1,000 points", f"read_curves({str(large)!r})", "from scaling_collapse import read_curves"),
        Job("pandas: sort, group by run", by_pandas, "import pandas"),
        2.0,
    )
    yield forecast_job("response"), forecast_job("multi-power"), 0.4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--curves", type=Path, default=ROOT.parent / "shared" / "curves")
    options = parser.parse_args()
    print(f"{'wait':<34} {'s':>6} {'(cpu)':>7} {'target':>7}  {'rival':<32} {'s':>6} {'(cpu)':>7} {'cpu ratio':>9}")
    with tempfile.TemporaryDirectory() as folder:
        write_large_table(large := Path(folder) / "large.parquet")
        for ours, rival, target in waits(options.curves.resolve(), large):
            runs = [(*ours.seconds(), *rival.seconds()) for _ in range(options.repeats)]
            wall, cpu, rival_wall, rival_cpu = map(median, zip(*runs, strict=True))
            print(
                f"{ours.name:<34} {wall:6.3f} ({cpu:5.3f}) {target:7.2f}  {rival.name:<32} {rival_wall:6.3f} "
                f"({rival_cpu:5.3f}) {cpu / rival_cpu:9.2f}" + ("" if wall <= target else "  over the target")
            )


if __name__ == "__main__":
    main()
