from .fourier import FourierTask as FourierTask
from .ladders import LadderConfig as LadderConfig
from .ladders import load_preset as load_preset
from .parametrization import Parametrization as Parametrization
from .tasks import make_task as make_task
from .train import train_ladder as train_ladder
