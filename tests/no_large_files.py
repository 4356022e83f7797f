"""Pre-commit hook: a file over 1 MiB does not belong into the repository."""

import sys
from pathlib import Path

if __name__ == "__main__":
    large = [name for name in sys.argv[1:] if Path(name).is_file() and Path(name).stat().st_size > 2**20]
    for name in large:
        print(f"{name} is over 1 MiB: keep data elsewhere")
    sys.exit(bool(large))
