"""Problems to simulate: power-law random features, or any list of eigenvalues."""

from .power_law import power_law
from .problem import Problem, from_eigenvalues

__all__ = ["Problem", "from_eigenvalues", "power_law"]
