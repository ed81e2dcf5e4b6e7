"""A model and rows become rows: streaming, in order, one out for each in. Neither torch nor scikit-learn.

In: a :class:`~nncli.bundle.model.Model` and chunks of rows. Out: CSV text. Next: ``cli``.
"""
