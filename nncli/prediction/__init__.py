"""A model and rows become rows: streaming, in order, one out for each in. Neither torch nor scikit-learn.

In: a :class:`~nncli.bundle.model.Model` and chunks of rows. Out: CSV, TSV, JSON Lines or Parquet, in streams, files and
folders. Next: ``cli``.
"""
