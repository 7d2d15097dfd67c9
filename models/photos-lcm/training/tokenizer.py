"""A byte-pair tokenizer in the layout of CLIPTokenizer, in which every word of the captions is one token."""

import json
import re
from pathlib import Path

START, END = "<|startoftext|>", "<|endoftext|>"
CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+"
LENGTH = 32


def words_of(text: str) -> list[str]:
    return re.findall(CLIP_WORDS, text.lower())


def split(word: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    """Byte-pair encoding: the pair of the lowest rank is merged until no pair has one."""
    pieces = [*word[:-1], word[-1] + "</w>"]
    while len(pieces) > 1:
        best = min(zip(pieces, pieces[1:]), key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        merged, i = [], 0
        while i < len(pieces):
            pair = tuple(pieces[i : i + 2])
            merged.append("".join(pair) if pair == best else pieces[i])
            i += 2 if pair == best else 1
        pieces = merged
    return pieces


def merges_of(words: set[str]) -> dict[tuple[str, str], int]:
    """Merges and their ranks that make every word one token, from left to right; words with one beginning share it."""
    ranks: dict[tuple[str, str], int] = {}
    for word in sorted(words, key=lambda w: (len(w), w)):
        while len(pieces := split(word, ranks)) > 1:
            ranks[pieces[0], pieces[1]] = len(ranks)
    return ranks


def byte_characters() -> list[str]:
    """The character that stands for each byte in GPT-2's and CLIP's vocabularies: itself where it prints."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    spare = iter(range(256, 512))
    return [chr(byte if byte in printable else next(spare)) for byte in range(256)]


class Tokenizer:
    def __init__(self, texts: list[str]):
        self.ranks = merges_of({word for text in texts for word in words_of(text)})
        characters = sorted(byte_characters())
        tokens = [*characters, *(c + "</w>" for c in characters), *(a + b for a, b in self.ranks), START, END]
        self.ids = {token: i for i, token in enumerate(dict.fromkeys(tokens))}

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def start(self) -> int:
        return self.ids[START]

    @property
    def end(self) -> int:
        return self.ids[END]

    def tokens(self, text: str) -> list[int]:
        return [self.ids[piece] for word in words_of(text) for piece in split(word, self.ranks)]

    def encode(self, text: str) -> list[int]:
        """32 ids: start, the text, ends."""
        ids = [self.start, *self.tokens(text)[: LENGTH - 2]]
        return ids + [self.end] * (LENGTH - len(ids))

    def save(self, folder: Path) -> None:
        special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
        config = {
            "model_max_length": LENGTH,
            "tokenizer_class": "CLIPTokenizer",
            "do_lower_case": True,
            "add_prefix_space": False,
            **special,
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocab.json").write_text(json.dumps(self.ids, ensure_ascii=False), encoding="utf8")
        (folder / "merges.txt").write_text(
            "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in self.ranks), encoding="utf8"
        )
        (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=1))
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1))
