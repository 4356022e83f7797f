"""What noise and learning-rate schedules do to a loss curve."""

import lazy_loader

if not __name__.startswith("scaling_collapse."):
    raise ImportError(
        "import scaling_collapse.sgd_noise_model, not the link sgd_noise_model: classes of two copies are not equal"
    )

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
