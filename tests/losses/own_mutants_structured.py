"""Losses of structures with one text changed: a sign flipped, a factor dropped, two sides swapped."""

from tests.losses.mutants import Mutant


def mutant(loss: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(loss, f"losses.structured.{file}", old, new)


STRUCTURED = [
    mutant(
        "ctc_loss", "ctc", "known, input_lengths, target_lengths, blank)", "known, input_lengths, target_lengths, 0)"
    ),
    mutant("ctc_loss", "ctc", "log_p = F.log_softmax(wide(logits), dim=2)", "log_p = wide(logits)"),
    mutant(
        "ctc_loss", "ctc", "masked_fill(~_within(targets, count), blank)", "masked_fill(_within(targets, count), 1)"
    ),
    mutant("sequence_cross_entropy", "sequence_cross_entropy", "-F.logsigmoid(m)", "-F.logsigmoid(-m)"),
    mutant("sequence_cross_entropy", "sequence_cross_entropy", "loss.sum(dim=1), valid", "loss.mean(dim=1), valid"),
    mutant(
        "sequence_cross_entropy",
        "sequence_cross_entropy",
        "torch.lerp(loss, even, label_smoothing)",
        "(loss + label_smoothing * even)",
    ),
    mutant("crf_loss", "_chain", "ahead.unsqueeze(2) + c.transitions", "ahead.unsqueeze(2) + c.transitions.mT"),
    mutant("crf_loss", "_chain", "c.transitions[before, tags]", "c.transitions[tags, before]"),
    mutant("crf_loss", "_chain", "begun = begun | on", "begun = begun | True"),
    mutant("crf_loss", "_chain", "first, c.start[tags]", "first, c.end[tags]"),
    mutant("crf_loss", "crf", "torch.logsumexp", "torch.amax"),
    mutant("structured_hinge_loss", "structured_hinge", "whole.emissions + _costs", "whole.emissions - _costs"),
    mutant("structured_hinge_loss", "structured_hinge", "torch.amax", "torch.logsumexp"),
    mutant(
        "structured_hinge_loss",
        "structured_hinge",
        "price[tags]",
        "price.mT[tags]",
    ),
    mutant("energy_nll_loss", "energy_nll", "-energies,", "energies,"),
    mutant("energy_nll_loss", "energy_nll", "-F.logsigmoid(m)", "F.logsigmoid(m)"),
    mutant("nce_loss", "nce", "- F.logsigmoid(-noise)", "- F.logsigmoid(noise)"),
    mutant("nce_loss", "nce", "upcast(noise_log_noise) - odds", "upcast(noise_log_noise) + odds"),
    mutant("nce_loss", "nce", "logsigmoid(-noise).sum(dim=1)", "logsigmoid(-noise).mean(dim=1)"),
    mutant("contrastive_divergence_loss", "contrastive_divergence", "low - high", "high - low"),
    mutant("contrastive_divergence_loss", "contrastive_divergence", "low.square() + high", "low.square() - high"),
    mutant("score_matching_loss", "score_matching", "+ upcast(noise)", "- upcast(noise)"),
    mutant("score_matching_loss", "score_matching", "scale * x", "x"),
    mutant("score_matching_loss", "score_matching", ".sum(dim=1) / 2", ".sum(dim=1)"),
    Mutant("info_nce_loss", "_similarity", "unit(a, length) * unit(b, length)", "unit(a, length) * unit(b)"),
    Mutant(
        "info_nce_loss", "_similarity", "_product(unit(a, length), unit(b, length))", "_product(a, unit(b, length))"
    ),
    mutant("info_nce_loss", "info_nce", "torch.zeros_like(rows)", "torch.ones_like(rows)"),
    mutant("graph_contrastive_loss", "graph_contrastive", "masked_fill(itself", "masked_fill(~itself"),
    mutant("graph_contrastive_loss", "graph_contrastive", ".roll(nodes)", ".roll(1)"),
    mutant("graph_contrastive_loss", "graph_contrastive", "loss[:nodes] + loss[nodes:]", "loss[:nodes] + loss[:nodes]"),
    mutant("link_prediction_loss", "link_prediction", "linked, dot, -dot", "linked, -dot, dot"),
    mutant("link_prediction_loss", "link_prediction", "edges.shape[1]\n", "negative_edges.shape[1]\n"),
    mutant("laplacian_smoothness_loss", "laplacian_smoothness", ".square()", ".abs()"),
    mutant(
        "laplacian_smoothness_loss",
        "laplacian_smoothness",
        "sum(dim=1), weights, reduction",
        "sum(dim=1), None, reduction",
    ),
    mutant("laplacian_smoothness_loss", "laplacian_smoothness", "source - to", "source + to"),
]
