"""Labels and probabilities become metrics, intervals and verdicts. This room knows no model.

In: true class numbers and probabilities. Out: frozen values. Next: ``report``.
"""
