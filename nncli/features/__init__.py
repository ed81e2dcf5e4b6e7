"""A table becomes arrays: ``x_num``, ``x_cat`` and ``x_text``.

In: a frame of text cells and a :class:`~nncli.table.schema.Schema`. Out:
:class:`~nncli.features.encoder.Features`, the same for the network and the trees, and
:class:`~nncli.features.scaling.NetworkInputs`, what the network makes of them. What was learned from training
rows is held in frozen dataclasses of plain JSON values, of texts also in arrays. Next: ``network`` and ``baseline``.
"""
