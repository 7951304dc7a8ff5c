"""A small network taught by a model: distillation, export, screening of huge pools.

What runs a student (`Student`, `Card`, `Reading`, the screen) needs neither torch nor transformers; only teaching does.
"""
