"""The glossary says where each name is defined: the file exists, and the name stands in it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "glossary.md").read_text().splitlines()
    if line.startswith("| ") and not line.startswith("| symbol")
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_every_name_stands_where_the_glossary_says(row):
    (path,) = re.findall(r"`([^`]+)`", row[-1])
    source = (ROOT / "scaling_collapse" / path).read_text()
    for name in re.findall(r"`(\w+)`", row[1]):
        assert re.search(rf"\b{name}\b", source), f"{name} is not in {path}"
