"""What the network is measured against: boosted trees, logistic regression, and other libraries' boosted trees.

In: the same :class:`~nncli.features.encoder.Features` and labels as the network's. Out: scikit-learn's trees as
:class:`~nncli.bundle.trees.Trees`, plain arrays that a model folder keeps; every other opponent as a
:class:`~nncli.baseline.rival.FittedRival`, which predicts and is forgotten. Next: ``fitting``.
"""
