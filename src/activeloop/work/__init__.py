"""What is due: leases on a campaign's work, and the worker that does it in processes of their own."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.work.kinds import KINDS, WorkKind
    from activeloop.work.leases import Lease, Timing, Work, WorkState
    from activeloop.work.places import Place
    from activeloop.work.worker import Worker

__all__ = ["KINDS", "Lease", "Place", "Timing", "Work", "WorkKind", "WorkState", "Worker"]

__getattr__ = on_use(__name__)
