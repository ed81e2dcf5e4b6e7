"""The network in torch: tensors in, logits out. It knows no table.

In: an :class:`~nncli.bundle.architecture.Architecture`. Out: modules whose arrays have the names and shapes that
the architecture states, so that the numpy forward pass reads them as they are. Next: ``training``.
"""
