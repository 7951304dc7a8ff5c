"""From candidates to features: encoders that need no download."""

from activeloop.backbones.base import Backbone
from activeloop.backbones.onehot import OneHot

__all__ = ["Backbone", "OneHot"]
