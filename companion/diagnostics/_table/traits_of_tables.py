"""Traits that a table can show: the kind of its target, its classes, its labels, its tails."""

from companion.diagnostics._table.trait import Trait

KINDS = (
    Trait(
        "binary",
        ("yes or no", "two class", "true or false", "detect", "detection", "alarm", "churn", "default of a loan"),
        ("binary_cross_entropy_with_logits", "cross_entropy"),
        "It pays for the surprise at the answer, so that the model learns the probability itself; where to say yes is "
        "decided afterwards.",
        "Never wrong to begin with; leave it for another loss only when that is better on held-out rows.",
        "notebooks/imbalance.html#what-it-does-to-the-probabilities",
    ),
    Trait(
        "classes",
        ("class", "category", "classify", "classification", "classifier", "species", "recognise", "recognize"),
        ("cross_entropy", "poly_loss"),
        "It pays for the surprise at the true class, so that the model learns the probabilities themselves.",
        "Never wrong to begin with; PolyLoss has one more option, which must be tuned to gain anything.",
        "book/api/classes.html#companion.losses.cross_entropy",
    ),
    Trait(
        "multi-label",
        ("multilabel", "several label", "tag of image", "any number of label", "more than one label"),
        ("binary_cross_entropy_with_logits", "binary_focal_loss"),
        "Every label is a yes-or-no question of its own, with a logit of its own.",
        "Where exactly one label holds: cross entropy. Focal loss where probabilities are read off the model.",
        "notebooks/imbalance.html#sec-imbalance-focal",
    ),
    Trait(
        "ordered",
        ("ordinal", "rating", "grade", "star", "severity", "ordered class", "stage of disease"),
        ("cross_entropy", "cost_sensitive_loss"),
        "Cross entropy does not know the order and needs none to learn probabilities; a cost that grows with the "
        "distance of the classes makes near misses cheap.",
        "No cost matrix where probabilities are to be read off the model: keep cross entropy and decide by the costs.",
        "notebooks/imbalance.html#sec-imbalance-cost",
    ),
    Trait(
        "real",
        ("number", "regression", "regress", "temperature", "measurement", "continuous", "forecast", "time series"),
        ("mse_loss",),
        "Squared error asks for the mean, and its gradient is the error itself; nothing is simpler.",
        "Where single rows hold most of the squared error (see heavy-tail, outliers), or where a miss on one side "
        "costs more than on the other.",
        "book/api/residuals.html#regression-and-robust",
    ),
    Trait(
        "count",
        ("counting", "number of", "visit", "how many", "event", "arrival", "goal"),
        ("mse_loss", "poisson_nll_loss", "tweedie_loss"),
        "A Poisson loss predicts the logarithm of the rate, is never below 0, and expects large counts to vary more. "
        "It asks for the mean, so it needs no exact Poisson counts; Tweedie lets the spread grow faster.",
        "Where all counts are large and of one size: squared error does as well.",
        "notebooks/data_understanding.html#sec-data-understanding-visits",
    ),
    Trait(
        "amount",
        ("positive", "price", "income", "money", "cost of a claim", "duration", "sale", "revenue", "rain", "demand"),
        ("mse_loss", "tweedie_loss"),
        "Amounts vary more where they are large. Tweedie predicts the logarithm of the mean and weighs errors by the "
        "size of the amount; squared error on the logarithm of the target is the plain alternative.",
        "Where amounts stay within a factor of a few: squared error does as well. A model of the logarithm gives the "
        "median back, not the mean.",
        "book/api/residuals.html#companion.losses.tweedie_loss",
    ),
    Trait(
        "share",
        ("proportion", "fraction", "percentage", "probability as target", "between 0 and 1", "soft label"),
        ("binary_cross_entropy_with_logits", "mse_loss"),
        "Cross entropy takes shares as they are, keeps predictions between 0 and 1, and asks for the mean.",
        "Where all shares lie well inside: squared error does as well.",
        "notebooks/imbalance.html#what-it-does-to-the-probabilities",
    ),
)

TRAITS = (
    Trait(
        "zero-inflated",
        ("many zero", "mostly zero", "often zero", "excess zero", "claim", "rainfall"),
        ("mse_loss", "tweedie_loss", "poisson_nll_loss"),
        "Tweedie is the likelihood of sums that are often exactly 0 and otherwise positive; its mean needs no second "
        "model for the zeros.",
        "Where the zeros have a cause of their own: predict zero or not by cross entropy, the rest by a second model.",
        "notebooks/data_understanding.html#sec-data-understanding-visits",
    ),
    Trait(
        "skewed-target",
        ("skewed", "asymmetric distribution", "lopsided"),
        ("mse_loss", "tweedie_loss", "quantile_loss"),
        "Mean and median differ, and the loss decides which is learned: squared error, Poisson and Tweedie ask for the "
        "mean, absolute error and quantile loss at one half for the median.",
        "Where totals or budgets are made from the predictions, stay with a loss that asks for the mean.",
        "notebooks/data_understanding.html#sec-data-understanding-visits",
    ),
    Trait(
        "heavy-tail",
        ("heavy tailed", "fat tail", "long tailed target", "extreme value", "power law", "rare large value"),
        ("mse_loss", "huber_loss", "log_cosh_loss", "smooth_l1_loss", "charbonnier_loss", "quantile_loss"),
        "A few rows hold much of the squared error. These losses count large errors by their size instead of its "
        "square, so that no row pulls harder than its share.",
        "Where the large values are what you must predict, or totals are: a robust loss gives them up. For counts and "
        "amounts try Poisson or Tweedie first.",
        "notebooks/data_understanding.html#who-owns-the-gradient",
    ),
    Trait(
        "outliers",
        ("outlier", "gross error", "corrupted target", "sensor fault", "typo", "spike in data", "robust"),
        (
            "huber_loss",
            "cauchy_loss",
            "welsch_loss",
            "geman_mcclure_loss",
            "tukey_loss",
            "barron_loss",
            "AdaptiveBarronLoss",
        ),
        "Single values that have nothing to say. Huber bounds their pull; the others let it fade, down to nothing with "
        "Tukey. Barron's loss covers the range by one number, and can learn it.",
        "Where the values are right, and merely large: mend or drop wrong ones first. Redescending losses need a start "
        "near the truth, and cannot tell a rare case from an error.",
        "notebooks/data_understanding.html#sec-data-understanding-outliers",
    ),
    Trait(
        "imbalance",
        (
            "rare",
            "rarely",
            "imbalanced",
            "unbalanced",
            "skewed class",
            "minority",
            "fraud",
            "few positive",
            "long tail",
            "anomaly",
        ),
        (
            "cross_entropy",
            "class_weights",
            "logit_adjusted_loss",
            "balanced_softmax_loss",
            "class_balanced_loss",
            "ldam_loss",
        ),
        "Cross entropy reports the small probability truthfully; move the threshold. Where all classes count the same "
        "in the end, adjust the logits by the class frequencies.",
        "Weights and adjustments shift the probabilities: not where these are needed, or only another threshold was.",
        "notebooks/imbalance.html#when-not-to-use",
    ),
    Trait(
        "label-noise",
        ("noisy label", "label noise", "wrong label", "mislabelled", "mislabeled", "annotation error", "crowdsourced"),
        (
            "cross_entropy",
            "generalized_cross_entropy",
            "symmetric_cross_entropy",
            "active_passive_loss",
            "ELRLoss",
            "bootstrap_loss",
            "taylor_cross_entropy",
            "bi_tempered_loss",
            "generalized_js_loss",
            "truncated_gce_loss",
            "peer_loss",
            "mae_loss",
        ),
        "A network learns what the labels agree on before it learns the exceptions, so stop early first. Bounded "
        "losses listen less to labels that they do not believe; ELR remembers what was believed.",
        "Where right labels can be had: a few hundred of them beat every loss. Where rare classes matter, their right "
        "labels look as unbelievable as wrong ones.",
        "notebooks/noisy_labels.html#when-not-to-use",
    ),
    Trait(
        "unequal-costs",
        (
            "cost more",
            "costs more",
            "more costly",
            "expensive",
            "miss cost",
            "missed case",
            "false alarm",
            "false negative",
            "false positive",
            "asymmetric cost",
            "worse than",
        ),
        ("cross_entropy", "missed_false_loss", "cost_sensitive_loss"),
        "Train by cross entropy and take the threshold from the prices: it can be moved when prices change. The other "
        "two put the prices into training, so that one half is the right threshold.",
        "Not on top of class weights: prices would count twice. Not where probabilities are needed.",
        "notebooks/imbalance.html#sec-imbalance-threshold",
    ),
)
