from . import empirical as empirical
from . import sgd_noise_model as sgd_noise_model
from . import theory as theory
from .empirical import CollapseReport as CollapseReport
from .empirical import Extrapolation as Extrapolation
from .empirical import HorizonFit as HorizonFit
from .empirical import LawFit as LawFit
from .empirical import extrapolate as extrapolate
from .empirical import fit_horizon as fit_horizon
from .empirical import fit_scaling_law as fit_scaling_law
from .empirical import measure_collapse as measure_collapse
from .empirical import read_curves as read_curves
from .empirical import read_targets as read_targets
from .empirical import write_curves as write_curves
from .empirical.trainer import load_ladder as load_ladder
from .empirical.trainer import train_ladder as train_ladder
from .sgd_noise_model import forecast as forecast
from .sgd_noise_model import plan_cooldown as plan_cooldown
from .sgd_noise_model import schedules as schedules
from .sgd_noise_model import simulate as simulate
from .theory import InputError as InputError
from .theory import Ladder as Ladder
from .theory import LossCurve as LossCurve
from .theory import ScalingLaw as ScalingLaw
from .theory import admitted_errors as admitted_errors
from .theory import derive as derive

__version__: str
