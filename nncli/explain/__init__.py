"""What moves a model's answers: columns that matter, and how. In: a model and encoded rows. Out: plain values."""
