"""A speaker that reads a strip from right to left, one word after another, and how well it speaks."""

import _strips
import torch
from _strips import END, IGNORED
from torch import Tensor, nn

WORDS, WIDE = 6, 48


def backwards(own: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Three to six digits that count on, on paper for six; the answer reads them from right to left, then ends."""
    x, y = _strips.counting(own, count, seed, length=WORDS)
    draw = torch.Generator().manual_seed(seed)
    length = torch.randint(3, WORDS + 1, (count, 1), generator=draw)
    place = torch.arange(WORDS + 1)
    x = torch.where((place[:-1] < length)[..., None], x, 0.6 * torch.randn(x.shape, generator=draw))
    words = y.gather(1, (length - 1 - place).clamp(min=0))
    words = torch.where(place < length, words, torch.where(place == length, END, IGNORED))
    return torch.cat([x.flatten(1), words.float()], 1), words


class Speaker(nn.Module):
    """Says one word after another: looks at the strip where it wants to, and hears the word before."""

    def __init__(self, own: float = 0.0, hears: bool = True, warm_up: int = 1) -> None:
        super().__init__()
        self.own, self.hears, self.warm_up = own, hears, warm_up
        self.see = nn.Sequential(nn.Linear(64, WIDE), nn.ReLU(), nn.Linear(WIDE, WIDE))
        self.place = nn.Parameter(0.3 * torch.randn(WORDS, WIDE))
        self.hear = nn.Embedding(END + 2, WIDE)
        self.ask, self.mix, self.say = nn.Linear(WIDE, WIDE), nn.Linear(3 * WIDE, WIDE), nn.Linear(WIDE, END + 1)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor, own: float = 1.0) -> Tensor:
        """Scores of all words; `own` is the share of words that it hears from itself, in training `self.own`."""
        share = torch.tensor(own)
        if self.training:
            self.seen += 1
            share = self.own * (self.seen / self.warm_up).clamp(max=1)
        strip, words = x[:, : WORDS * 64].view(-1, WORDS, 64), x[:, WORDS * 64 :].long().clamp(min=0)
        seen = self.see(strip) + self.place
        state, word, said = seen.mean(1), torch.full_like(words[:, 0], END + 1), []
        for t in range(WORDS + 1):
            look = (seen * self.ask(state)[:, None]).sum(-1, keepdim=True).softmax(1)
            heard = self.hear(word) if self.hears else self.hear(torch.full_like(word, END + 1))
            state = self.mix(torch.cat([state, heard, (look * seen).sum(1)], -1)).tanh()
            said.append(self.say(state))
            word = torch.where(torch.rand(len(x)) < share, said[-1].detach().argmax(-1), words[:, t])
        return torch.stack(said, 1)


def spoken(words: Tensor) -> list[list[int]]:
    """What is said before the end, the end included."""
    return [row[: row.index(END) + 1] if END in row else row for row in words.tolist()]


def telling(model: nn.Module, x: Tensor, words: Tensor) -> dict[str, float]:
    """How well it speaks when it hears itself, and word by word also when it hears the truth."""
    with torch.no_grad():
        free, forced = (model(x, own=share).argmax(-1) for share in (1.0, 0.0))
    counts, right = words != IGNORED, free == words
    wrong = counts & ~right
    after = counts & (wrong.cumsum(1) - wrong.long() > 0)
    said, truth = spoken(free), spoken(words)
    found = {
        "words right": float(right[counts].float().mean()),
        "exact": float((right | ~counts).all(1).float().mean()),
        "BLEU": _strips.bleu(said, truth),
        "words right after a mistake": float(right[after].float().mean()),
        "words right, true words heard": float((forced == words)[counts].float().mean()),
    }
    for t in range(WORDS):
        found[f"own {t + 1}"] = float(right[counts[:, t], t].float().mean())
        found[f"true {t + 1}"] = float((forced == words)[counts[:, t], t].float().mean())
    return found
