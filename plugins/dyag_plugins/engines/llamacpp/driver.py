"""Runs llama.cpp's converter: `python -P driver.py CONVERTER MODEL OUTPUT TYPE END_OF_TURN OTHERS NAME`.

A program of its own, in a process of its own; it imports nothing of DYAG. Two things differ from the plain converter:

- a tokenizer that it doesn't know by hash is no error: how its text is split is read from the tokenizer where it is
  GPT-2's way, else guessed. DYAG's engine sends token ids, and an export is checked for giving the same ids;
- the end of a turn is what DYAG has found in the chat template (two ids with a comma between, where a token that begins
  the next turn ends this one, too), and nothing else ends an answer: llama.cpp goes by the text of control tokens
  (`<|endoftext|>` always stops it), so the OTHERS, ids likewise, get names of no meaning. No name of a control token is
  ever shown. There are none in a file that other programs open: their prompts are texts, with these names in them.

NAME is the model's, or empty.
"""

import json
import runpy
import sys
from pathlib import Path
from typing import Any


def splits_like_gpt2(tokenizer: Any) -> bool:
    """Whether text is split by GPT-2's pattern and nothing else before bytes are merged."""
    split = json.loads(tokenizer.backend_tokenizer.to_str()).get("pre_tokenizer") or {}
    steps = split.get("pretokenizers", [split])
    return len(steps) == 1 and steps[0].get("type") == "ByteLevel" and steps[0].get("use_regex", True)


def main() -> None:
    """Convert."""
    converter, model, output, kind, end_of_turn, others, name = sys.argv[1:]
    sys.path[:0] = [converter, str(Path(converter) / "gguf-py")]
    import gguf
    from conversion.base import TextModel

    known, add_special = TextModel.get_vocab_base_pre, gguf.SpecialVocab.add_to_gguf
    add_tokens = gguf.GGUFWriter.add_token_list

    def get_vocab_base_pre(self: Any, tokenizer: Any) -> str:
        try:
            return str(known(self, tokenizer))
        except NotImplementedError:
            return "gpt-2" if splits_like_gpt2(tokenizer) else "default"

    def add_to_gguf(self: Any, *arguments: Any, **options: Any) -> None:
        self.special_token_ids |= zip(("eot", "eom"), map(int, end_of_turn.split(",")), strict=False)
        add_special(self, *arguments, **options)

    def add_token_list(self: Any, tokens: Any) -> None:
        tokens = list(tokens)
        for number in filter(None, others.split(",")):
            tokens[int(number)] = f"[control {number}]"
        add_tokens(self, tokens)

    gguf.GGUFWriter.add_token_list = add_token_list
    TextModel.get_vocab_base_pre = get_vocab_base_pre
    gguf.SpecialVocab.add_to_gguf = add_to_gguf
    sys.argv = ["convert_hf_to_gguf.py", model, "--outfile", output, "--outtype", kind]
    sys.argv += ["--model-name", name] if name else []
    runpy.run_path(str(Path(converter) / "convert_hf_to_gguf.py"), run_name="__main__")


if __name__ == "__main__":
    main()
