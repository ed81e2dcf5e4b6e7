"""Whole runs: one split and a model that is kept (``train``), or many splits and a verdict (``compare-baseline``).

The only room that touches test rows: they are scored in :mod:`nncli.experiment.scoring` alone, and looked at closer in
:mod:`nncli.experiment.closer`. In: an examined table and settings. Out:
values for ``report`` and ``bundle``.
"""
