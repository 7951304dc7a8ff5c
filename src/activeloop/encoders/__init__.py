"""From candidates to features without torch: the role `Encoder` and the encoders that need no download."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.encoders.base import Encoder, SiteEncoder
    from activeloop.encoders.compound import Morgan
    from activeloop.encoders.guide import Kmers
    from activeloop.encoders.sequence import Joined, OneHot, Physicochemical, scale_table

__all__ = ["Encoder", "Joined", "Kmers", "Morgan", "OneHot", "Physicochemical", "SiteEncoder", "scale_table"]

__getattr__ = on_use(__name__)
