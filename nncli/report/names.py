"""What people read for the names of sides and metrics."""

SIDE_NAMES = {
    "network": "network",
    "trees": "trees (careful)",
    "trees_default": "trees (default)",
    "lightgbm": "LightGBM",
    "xgboost": "XGBoost",
    "catboost": "CatBoost",
    "linear": "linear (logistic)",
    "blend": "network + trees",
    "majority": "majority class",
    "fast": "network (fast)",
}
METRIC_NAMES = {
    "log_loss": "log loss",
    "roc_auc": "ROC AUC",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "brier": "Brier score",
}
IN_SENTENCES: dict[str, str] = {
    **SIDE_NAMES,
    "network": "the network",
    "trees": "the careful trees",
    "trees_default": "the default trees",
    "linear": "logistic regression",
    "blend": "the blend of network and trees",
    "majority": "the majority class",
}
KINDS = {"network": "net", "trees": "trees", "trees_default": "default", "blend": "blend", "majority": "majority"}
"""The class of a side's lines and marks in plots; of all others ``other``."""
