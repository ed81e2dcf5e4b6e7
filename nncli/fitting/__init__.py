"""Both sides, fitted: with training and validation rows before the verdict, with all rows after it.

In: an examined table, a split and what a run is given. Out: values for ``experiment`` and ``bundle``. No test row is
looked at before the verdict; only :mod:`nncli.fitting.served` takes them, as rows to learn from. Next: ``experiment``.
"""
