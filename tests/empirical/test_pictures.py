import io

import matplotlib
import numpy as np
import pytest
from matplotlib.image import imread

from scaling_collapse.common import count
from scaling_collapse.empirical.pictures.canvas import colors, picture, size_legend


def test_a_picture_has_its_size_and_panels_and_leaves_nothing_behind():
    panels, before = [], dict(matplotlib.rcParams)
    png = picture(lambda *axes: panels.extend(axes), size=(5.0, 2.5), rows=2, columns=3)
    assert imread(io.BytesIO(png)).shape[:2] == (400, 800)  # 160 dots an inch
    places = [axes.get_subplotspec() for axes in panels]
    assert [(place.rowspan.start, place.colspan.start) for place in places] == list(np.ndindex(2, 3))
    assert dict(matplotlib.rcParams) == before
    single = imread(io.BytesIO(picture(lambda axes: None)))
    assert single.shape[:2] == (624, 832)


@pytest.mark.parametrize(
    ("number", "words"), [(999, "999"), (1000, "1k"), (1.5e6, "1.5M"), (1e9, "1B"), (2.345e12, "2.35T"), (0.25, "0.25")]
)
def test_counts_are_for_people(number, words):
    assert count(number) == words


def test_colours_go_from_dark_to_light():
    lightness = [color[:3] @ np.array([0.2126, 0.7152, 0.0722]) for color in map(np.array, colors(6))]
    assert (np.diff(lightness) > 0).all()
    assert len(colors(1)) == 1


@pytest.mark.parametrize(("sizes", "columns"), [(4, 1), (5, 2)])
def test_a_legend_of_many_sizes_has_two_columns(sizes, columns):
    legends = []

    def draw(axes):
        axes.plot(np.eye(2), label=["a size", "another"])
        size_legend(axes, sizes)
        legends.append(axes.get_legend())

    picture(draw)
    assert legends[0]._ncols == columns
    assert legends[0].get_title().get_text() == "parameters"
