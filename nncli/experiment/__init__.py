"""Whole runs: one split and a model that is kept (``train``), or many splits and a verdict (``compare-baseline``).

The only room that touches test rows, in :mod:`nncli.experiment.scoring` alone. In: an examined table and settings. Out:
values for ``report`` and ``bundle``.
"""
