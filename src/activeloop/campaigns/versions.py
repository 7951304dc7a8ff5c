"""Versions of the model: their seeds, data, fit and restoration."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from activeloop._version import __version__
from activeloop.campaigns.artifacts import ArtifactStore
from activeloop.campaigns.events import Version, now
from activeloop.campaigns.results import StoredResults
from activeloop.campaigns.state import CampaignState
from activeloop.campaigns.validation import validate
from activeloop.candidates import Pool
from activeloop.errors import StateError
from activeloop.measurements import Assay, Dataset
from activeloop.measurements.arrays import MeasurementArrays
from activeloop.measurements.dataset import resolved
from activeloop.measurements.summary import summarise
from activeloop.prediction import Learner, Predictor, Validated


def derive(seed: int, purpose: str, number: int) -> int:
    """The seed of one step of a campaign: different for each purpose and number, always the same for the same three.

    Args:
        seed: of the campaign.
        purpose: what the step does, such as `propose`.
        number: which one, from 1.

    >>> derive(0, "propose", 1) == derive(0, "propose", 1) != derive(0, "propose", 2)
    True
    """
    entropy = [seed, number, *purpose.encode()]
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])


def dataset_of(state: CampaignState, pool: Pool, assays: Sequence[Assay]) -> Dataset:
    """Each measured candidate of a state once, in the units of the assays."""
    # Controls go along: they tell the plates apart. Failed wells (NaN) hold no value.
    use = state.stored.take(state.stored.valid)
    return summarise(of_its_day(use, state), pool, tuple(assays), use.rows["round"])


def of_its_day(results: StoredResults, state: CampaignState) -> MeasurementArrays:
    """The measurements, on a plate of their own where a file that was measured anew has an earlier one's name."""
    rows, places = results.rows, results.texts.places
    again = results.of_events(state.repeats) & (rows["plate"] == places.find(""))
    if again.any():
        rows = rows.copy()
        for event, file in set(zip(rows["event"][again].tolist(), rows["file"][again].tolist(), strict=True)):
            mine = again & (rows["event"] == event) & (rows["file"] == file)
            rows["file"][mine] = places.add(f"{places[file]} (event {event})".lstrip())
    return MeasurementArrays(rows, results.texts)


def is_stale(state: CampaignState, dataset: Dataset, learner: Learner) -> bool:
    """Whether there are results that the last version was not fitted to, or it is of another learner or goal."""
    version, current = state.latest, state.current
    if not len(dataset):
        return False
    if version is None or current is None or {version.number, current.number} & state.outdated:
        return True
    if version.learner != learner.name or version.metrics.get("candidates", len(dataset)) != len(dataset):
        return True  # without the hash, which reads the name of each candidate
    return not dataset.has_hash(version.data_hash)


def fit_version(
    state: CampaignState, dataset: Dataset, learner: Learner, artifacts: ArtifactStore, campaign_seed: int
) -> tuple[Version, Predictor]:
    """Fit the next version and store its arrays; the event that names it is the caller's to write.

    Raises:
        ModelError: the learner cannot be fitted to these data.
    """
    number = len(state.versions) + 1
    seed = derive(campaign_seed, "fit", number)
    predictor = learner.fit(dataset.oriented().answered(), seed)  # an assay without a result has no model yet
    version = Version(
        number=number,
        parent=number - 1,
        data_hash=dataset.hash,
        learner=learner.name,
        seed=seed,
        code_version=__version__,
        metrics=_metrics(state, dataset, predictor),
        created_at=now(),
        explanation=predictor.explain(),
        artifact=artifacts.put(predictor.state()),
    )
    return version, predictor


def dataset_then(version: Version, state: CampaignState, pool: Pool, assays: Sequence[Assay]) -> Dataset:
    """The data set that a version was fitted to."""
    return dataset_of(state.at(state.version_data[version.number]), pool, assays)


def restore_version(
    version: Version,
    state: CampaignState,
    pool: Pool,
    assays: Sequence[Assay],
    learner: Learner,
    artifacts: ArtifactStore,
) -> Predictor:
    """The predictor of a version, from its stored arrays and the results it was fitted to.

    Raises:
        StateError: pool, assays or learner are not those of that version any more.
        StoreError: its arrays are lost or damaged.
    """
    dataset = dataset_then(version, state, pool, assays)
    if not dataset.has_hash(version.data_hash) or learner.name != version.learner:
        raise changed_since(version.number)
    return learner.restore(dataset.oriented().answered(), version.seed, artifacts.get(version.artifact))


def changed_since(version: int, extended: bool = False) -> StateError:
    """The error for whoever needs a version whose campaign was changed, or whose pool was extended."""
    if extended:
        return StateError(
            f"the pool was extended since version {version} was fitted, so that it does not know all candidates: fit "
            "again (`activeloop fit DIR`; `propose` does so too)."
        )
    return StateError(
        f"pool, assays, goal or learner were changed since version {version} was fitted: fit again "
        "(`activeloop fit DIR`), or undo the change in campaign.toml."
    )


def _metrics(state: CampaignState, dataset: Dataset, predictor: Predictor) -> dict[str, float]:
    metrics = {"candidates": float(len(dataset))}
    if isinstance(predictor, Validated):
        metrics |= {name: value for name, value in predictor.metrics().items() if math.isfinite(value)}
    if validation := validate(state, resolved(dataset)):
        metrics |= {"last_plate_spearman": validation.spearman, "last_plate_coverage": validation.coverage}
    return metrics
