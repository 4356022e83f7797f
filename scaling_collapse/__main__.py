"""`python -m scaling_collapse` is `scaling-collapse`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
