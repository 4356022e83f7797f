"""`python -m scaling_collapse` is `scaling-collapse`."""

import sys

from .cli import main

sys.exit(main())
