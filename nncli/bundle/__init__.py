"""The model on disk, and its forward pass in numpy: safetensors and strict JSON, no pickle, nothing to execute.

In: a folder. Out: a :class:`~nncli.bundle.model.Model` that predicts with numpy alone. Next: ``prediction``.
"""
