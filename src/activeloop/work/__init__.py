"""What is due: leases on a campaign's work, and the worker that does it in processes of their own."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.work.leases import Lease, Timing, Work, WorkState
    from activeloop.work.worker import Worker

__all__ = ["Lease", "Timing", "Work", "WorkState", "Worker"]

__getattr__ = on_use(__name__)
