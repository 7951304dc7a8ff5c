"""The learner and the calibration of a campaign that names none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from activeloop.candidates import Pool, is_scan
from activeloop.errors import check_type
from activeloop.measurements import Assay
from activeloop.prediction import Learner

if TYPE_CHECKING:
    from activeloop.models.stacking import StackingEnsemble
    from activeloop.priors.profile import Profile


def default_learner(pool: Pool, goal: Literal["find", "learn"], family: Profile | None = None) -> Learner:
    """The learner for a pool and a goal, as chosen by replays (`docs/results`).

    Args:
        pool: what may be tested.
        goal: `find` the best, or `learn` which candidates are fit.
        family: of the pool's wild type, from an alignment; None for none.

    Raises:
        ConfigError: compounds and guides have no family.

    >>> default_learner(Pool.single_mutants("MKTAYIAKQR"), "find").name
    'mutations'
    """
    check_type(pool, Pool, "a pool", "a Pool, such as Pool.single_mutants(...) or Pool.from_frame(df, ...)")
    if family is not None:
        from activeloop.models.family import with_family

        return with_family(default_learner(pool, goal), family)
    # Imported here, so that a command loads the one learner that it needs.
    if goal == "learn":
        from activeloop.models.gp.classifier import GPClassifier

        return GPClassifier()
    if pool.kind == "compounds":
        from activeloop.models.gp.tanimoto import TanimotoGP

        return TanimotoGP()
    if pool.kind == "treatments":
        from activeloop.models.gp.treatments import TreatmentGP

        return TreatmentGP()
    if pool.kind == "guides":
        from activeloop.models.gp.guides import GuideGP

        return GuideGP()
    if is_scan(pool):
        from activeloop.models.gp.mutation_gp import MutationGP

        return MutationGP()
    return library_default()


def campaign_learner(pool: Pool, assays: Sequence[Assay]) -> Learner:
    """The learner of a campaign that names none, from the command line and from Python: that of the pool, calibrated.

    Args:
        pool: what may be tested.
        assays: what is measured.

    >>> campaign_learner(Pool.single_mutants("MKTAYIAKQR"), [Assay("kcat")]).name
    'mutations+isotonic'
    """
    from activeloop.models.calibration import calibrated

    return calibrated(uncalibrated_learner(pool, assays), default_calibration(pool))


def uncalibrated_learner(pool: Pool, assays: Sequence[Assay]) -> Learner:
    """That learner as it is before calibration."""
    # A classifier can learn nothing but classes, whatever the goal is.
    classes = len(assays) == 1 and assays[0].goal == "classify"
    return default_learner(pool, "learn" if classes else "find")


def library_default() -> StackingEnsemble:
    """For combinatorial libraries: an ensemble of networks and two Gaussian processes over sites, stacked.

    >>> library_default().name
    'stacking-both(ensemble-onehot+physicochemical,sites,sites-ranked)'
    """
    from activeloop.encoders import OneHot, Physicochemical
    from activeloop.encoders.sequence import Joined
    from activeloop.models.ensemble import MLPEnsemble
    from activeloop.models.gp.site_gp import SiteGP
    from activeloop.models.networks import Training
    from activeloop.models.stacking import StackingEnsemble

    training = Training(passes=150, batch=32, rate=1e-2, decay=1e-3, cooling=True)
    networks = MLPEnsemble(Joined((OneHot(), Physicochemical())), hidden=(64, 32), training=training)
    return StackingEnsemble((networks, SiteGP(), SiteGP(ranked=True)), start=(2.0, 1.0, 1.0), scale="both")


def default_calibration(pool: Pool) -> str:
    """The calibration when none is named: quantiles for scans, else only noise where none is known.

    In combinatorial libraries errors grow with the prediction, so quantiles of all held-out values are too narrow for
    the best candidates, which a campaign measures next; see `docs/results/calibration`.

    >>> default_calibration(Pool.single_mutants("MKTAYIAKQR"))
    'isotonic'
    """
    return "isotonic" if is_scan(pool) else "noise"
