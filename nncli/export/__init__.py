"""A model in forms that other programs run: ONNX, and a program of ``torch.export``.

In: a :class:`~nncli.bundle.model.Model`. Out: the bytes of a file, checked against the model's own predictions.
Next: ``cli``.
"""
