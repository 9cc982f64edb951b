"""Losses of regions with one text changed: the loss, its file, what it says, what it says instead."""

REGIONS = [
    *(
        (prefix + loss, file, old, new)
        for prefix in ("", "binary_")
        for loss, file, old, new in (
            ("generalized_dice_loss", "generalized_dice", ".pow(power)", ".pow(2 * power)"),
            (
                "generalized_dice_loss",
                "generalized_dice",
                'if absent == "penalise" else 0.0',
                'if absent == "x" else 0.0',
            ),
            ("generalized_dice_loss", "generalized_dice", ".amin(dim=-1", ".sum(dim=-1"),
            ("jaccard_loss", "jaccard", "alpha = beta = 1.0", "alpha = beta = 0.5"),
            ("jaccard_loss", "jaccard", "alpha, beta, smooth", "alpha, beta, 0.0"),
            ("focal_tversky_loss", "focal_tversky", "pow(1 / gamma)", "pow(gamma)"),
            ("focal_tversky_loss", "focal_tversky", "tversky(counts, alpha, beta", "tversky(counts, beta, alpha"),
            ("mcc_loss", "mcc", "tp * tn - fp * fn", "tp * tn + fp * fn"),
            ("mcc_loss", "mcc", "(seen - size - fp).clamp_min(0.0) + smooth", "(seen - size - fp)"),
            ("mcc_loss", "mcc", "+ 4 * tp", "- 4 * tp"),
            ("mcc_loss", "mcc", "seen - size - fp", "seen - size - fn"),
        )
    ),
    ("lovasz_softmax_loss", "lovasz_softmax", "fp + by_class", "fp - by_class"),
    ("lovasz_softmax_loss", "lovasz_softmax", "x, t, valid, slope)", "x, t, valid)"),
    ("lovasz_softmax_loss", "_lovasz", "hit > 0, inside, outside", "hit > 0, outside, inside"),
    ("lovasz_softmax_loss", "_lovasz", "(size == 0) & (rank == 1)", "size == 0"),
    ("lovasz_hinge_loss", "lovasz_hinge", "(1 - x.where(there, -x))", "(1 + x.where(there, -x))"),
    ("lovasz_hinge_loss", "lovasz_hinge", ".relu()", ""),
    ("lovasz_hinge_loss", "_lovasz", "rank + before", "rank"),
]
