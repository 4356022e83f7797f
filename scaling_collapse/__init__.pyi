from . import empirical as empirical
from . import sgd_noise_model as sgd_noise_model
from . import theory as theory
from .sgd_noise_model import schedules as schedules
from .theory import InputError as InputError
from .theory import Ladder as Ladder
from .theory import LossCurve as LossCurve

__version__: str
