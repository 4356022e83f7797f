"""`FormFit`: one form of the surface fitted to points, with draws of its law, and its score on sizes left out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ...common import Array, Result
from .surface_law import Centre, Form, SurfaceLaw, log_surface
from .surface_points import SurfacePoints
from .surface_scatter import Spread, SurfaceScatter, surface_scatter
from .surface_solution import Task, as_law, best_of, free_numbers, refine, search

__all__ = ["FormFit", "FormScore", "draw_laws", "fit_form", "left_out_errors", "task_of"]


@dataclass(frozen=True, kw_only=True, repr=False)
class FormScore(Result):
    """How well a form of the law does on the points.

    Parameters
    ----------
    form
        `"sum"` or `"coupled"`.
    objective
        Sum of Huber losses of the log residuals.
    misfit
        Root mean square of the relative residuals.
    left_out_error
        Root mean square relative error of the points of a size that was left out, over all sizes; NaN where the points
        are too few to leave a size out.
    largest_left_out
        Mean relative error, with its sign, on the largest size when that is left out.
    score
        Mean logarithm of the predictive density of a left-out size.
    weight
        Share in forecasts: `exp(score)` over the sizes, so that forms that predict alike count alike.
    """

    form: Form
    objective: float
    misfit: float
    left_out_error: float
    largest_left_out: float
    score: float
    weight: float


@dataclass(frozen=True, eq=False, kw_only=True)
class FormFit:
    """A form's fit.

    Parameters
    ----------
    form
        Its name.
    task
        The points as the search sees them.
    q
        The minimizer in the coordinates of the search, shape (6,).
    objective
        There.
    residuals
        Of ln L, fitted less measured, shape (points,).
    scatter
        What scatters the points about the law.
    """

    form: Form
    task: Task
    q: Array
    objective: float
    residuals: Array
    scatter: SurfaceScatter

    @property
    def law(self) -> SurfaceLaw:
        """The law, its fields of shape ()."""
        return as_law(self.q, self.task.centre)


def task_of(points: SurfacePoints) -> Task:
    """The points as the search sees them."""
    n, d = np.log(points.N), np.log(points.D)
    centre = Centre(float(n.mean()), float(d.mean()))
    return Task(n - centre.n, d - centre.d, np.log(points.loss), centre)


def fit_form(points: SurfacePoints, form: Form, *, near: FormFit | None = None) -> FormFit | None:
    """The form fitted to the points, from a fit to nearly the same points where there is one.

    None where the points are not more than the form's numbers.
    """
    free = free_numbers(form)
    if points.N.size <= free.size:
        return None
    task = task_of(points)
    found = search(task, form) if near is None else best_of(refine(task, _starts_near(near, task), free))
    q = found.q[0]
    value, slopes = log_surface(q[None], task.n, task.d)
    residuals = value[0] - task.y
    scatter = surface_scatter(residuals, slopes[0][:, free], points.size_index)
    objective = float(found.objective[0])
    return FormFit(form=form, task=task, q=q, objective=objective, residuals=residuals, scatter=scatter)


def _starts_near(fit: FormFit, task: Task) -> Array:
    """The numbers of a fit at another centre, also with less and with more of an irreducible loss, shape (3, 6)."""
    starts = np.repeat(fit.q[None], 3, axis=0)
    starts[:, 1] -= np.exp(fit.q[2]) * (task.centre.n - fit.task.centre.n)
    starts[:, 3] -= np.exp(fit.q[4]) * (task.centre.d - fit.task.centre.d)
    lowest = float(np.exp(task.y.min()))
    starts[:, 0] = np.minimum([fit.q[0], 0.5 * fit.q[0], 0.5 * (fit.q[0] + lowest)], 0.99 * lowest)
    return starts


def draw_laws(fit: FormFit, points: SurfacePoints, draws: int, rng: np.random.Generator) -> tuple[Array, Spread]:
    """Refits to losses that scatter anew about the fit: coordinates, shape (draws, 6), and the scatter of each draw."""
    spread = fit.scatter.draw(draws, rng)
    own = spread.point[:, None] * rng.standard_normal((draws, points.N.size))
    level = spread.level[:, None] * rng.standard_normal((draws, points.sizes.size))
    y = fit.task.y + fit.residuals + own + level[:, points.size_index]
    start = np.repeat(fit.q[None], draws, axis=0)
    return refine(fit.task._replace(y=y), start, free_numbers(fit.form), steps=60).q, spread


def left_out_errors(points: SurfacePoints, whole: FormFit) -> tuple[list[Array], float]:
    """For each size the errors in ln L on its points when it is left out, and the mean log density of all sizes.

    The density is Student's t about the prediction of the other sizes, with their scatter and the law's own error.
    """
    errors, densities = [], []
    for size in range(points.sizes.size):
        left = points.size_index == size
        fit = fit_form(points.where(~left), whole.form, near=whole)
        if fit is None:
            return [], math.nan
        n, d = np.log(points.N[left]) - fit.task.centre.n, np.log(points.D[left]) - fit.task.centre.d
        value, slopes = log_surface(fit.q[None], n, d)
        error = value[0] - np.log(points.loss[left])
        errors.append(error)
        densities.append(_log_density(error, slopes[0], fit, points.where(~left)))
    return errors, float(np.mean(densities))


def _log_density(error: Array, slopes: Array, fit: FormFit, seen: SurfacePoints) -> float:
    """Of the errors on one size, shape (m,); `slopes` are the law's there, `fit` is that of the sizes `seen`."""
    from scipy.special import gammaln

    free = free_numbers(fit.form)
    spread, dof, m = fit.scatter.at(0.5), fit.scatter.dof, error.size
    same = seen.size_index[:, None] == seen.size_index
    V = spread.point**2 * np.eye(seen.N.size) + spread.level**2 * same
    whiten = np.linalg.inv(np.linalg.cholesky(V))
    inverse = np.linalg.pinv(whiten @ log_surface(fit.q[None], fit.task.n, fit.task.d)[1][0][:, free], rcond=1e-8)
    reach = slopes[:, free] @ inverse
    covariance = spread.point**2 * np.eye(m) + spread.level**2 + reach @ reach.T
    distance = error @ np.linalg.solve(covariance, error)
    constant = gammaln((dof + m) / 2) - gammaln(dof / 2) - 0.5 * m * math.log(dof * math.pi)
    return float(constant - 0.5 * (np.linalg.slogdet(covariance)[1] + (dof + m) * math.log1p(distance / dof)))
