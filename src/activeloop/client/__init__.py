"""Programs that use a laboratory's server: `Client` speaks its API, in types."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.client.client import Client, RemoteCampaign

__all__ = ["Client", "RemoteCampaign"]

__getattr__ = on_use(__name__)
