from .curve_tables import CURVES as CURVES
from .curve_tables import MissingCurvesError as MissingCurvesError
from .drawing_list import FIGURES as FIGURES
from .drawing_list import Drawn as Drawn
from .drawing_list import draw_figures as draw_figures
