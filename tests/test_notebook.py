"""The notebook of the guide: executed as a user does, it shows every result with its numbers and its picture."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "guide"
RESULTS = ("Ladder", "CollapseReport", "Extrapolation", "JointLaw", "Derivation", "Simulation")


@pytest.fixture(scope="module")
def executed(optional, tmp_path_factory):
    nbformat, nbclient = optional("nbformat"), optional("nbclient")
    optional("ipykernel")
    notebook = nbformat.read(GUIDE / "notebook.ipynb", as_version=4)
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(home))
        nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(GUIDE)}}).execute()
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_the_committed_notebook_has_no_outputs_and_is_small():
    text = (GUIDE / "notebook.ipynb").read_text()
    assert text.count('"outputs": []') == text.count('"cell_type": "code"')
    assert len(text) < 20_000


def test_every_result_shows_its_numbers(executed):
    shown = [output.data["text/html"] for output in executed if "text/html" in output.get("data", {})]
    headlines = [ElementTree.fromstring(page).findtext("p/b") for page in shown if page.startswith("<div><p><b>")]
    assert tuple(line.split()[0].rstrip(":") for line in headlines) == RESULTS
    assert sum("<table>" in page for page in shown) == len(RESULTS)
    assert sum("data:image/png" in page for page in shown) == 5  # a law without its data has none


def test_the_figure_is_shown_and_nothing_is_said_on_the_side(executed):
    assert sum("image/png" in output.get("data", {}) for output in executed) == 1
    assert not [output.text for output in executed if output.output_type == "stream"]
