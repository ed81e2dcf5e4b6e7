"""What the network is measured against: scikit-learn's boosted trees.

In: the same :class:`~nncli.features.encoder.Features` and labels as the network's. Out:
:class:`~nncli.bundle.trees.Trees`, plain arrays. Next: ``fitting``.
"""
