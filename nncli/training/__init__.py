"""Arrays become a trained network: device, budget, optimiser, loop.

In: :class:`~nncli.features.scaling.NetworkInputs` and labels of training and validation rows. Out: a
:class:`~nncli.training.loop.TrainedNetwork`, plain numpy arrays with their history. Next: ``bundle``.
"""
