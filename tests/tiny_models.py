"""Foundation models of a few thousand random weights, made on the spot in the format of the real ones."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

#: the vocabulary of ESM-2, in its order
VOCABULARY = ("<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWC", *"XBUZO.-", "<null_1>", "<mask>")
STATES = "pynwrqhgdlvtmfsaeikc#"
SHAPE: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64}
#: of a BERT of proteins
RESIDUES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"LAGVESIKRDTPNQFYMHCWXUBZO")


def tiny_esm(folder: Path, layers: int = 3, width: int = 32, heads: int = 4, **options) -> str:
    """An ESM-2-shaped checkpoint with its vocabulary; returns the folder."""
    shape = {"hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads}
    return _esm(folder, VOCABULARY, **{**shape, "intermediate_size": 2 * width, **options})


def tiny_saprot(folder: Path) -> str:
    """One token for each pair of an amino acid and a structure letter."""
    pairs = ("".join(pair) for pair in product("ACDEFGHIKLMNPQRSTVWY#", STATES))
    return _esm(folder, ("<cls>", "<pad>", "<eos>", "<unk>", "<mask>", *pairs), token_dropout=True)


def tiny_nucleotides(folder: Path) -> str:
    """Tokens of six nucleotides and of one; places told by learnt vectors; no token behind the sequence."""
    kmers = ("".join(letters) for letters in product("ATCG", repeat=6))
    names = ("<unk>", "<pad>", "<mask>", "<cls>", *kmers, *"ATCGN", "<eos>", "<bos>")
    special = {"position_embedding_type": "absolute", "emb_layer_norm_before": True, "max_position_embeddings": 66}
    return _esm(folder, names, token_dropout=True, **special)


def _esm(folder: Path, vocabulary: tuple[str, ...], **options) -> str:
    from transformers import EsmConfig, EsmForMaskedLM

    plain = {"position_embedding_type": "rotary", "max_position_embeddings": 1026, "token_dropout": False}
    plain["emb_layer_norm_before"] = False
    config = EsmConfig(
        vocab_size=len(vocabulary),
        mask_token_id=vocabulary.index("<mask>"),
        pad_token_id=vocabulary.index("<pad>"),
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        **{**SHAPE, **plain} | options,
    )
    _save(folder, EsmForMaskedLM, config)
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    return str(folder)


def tiny_esmc(folder: Path) -> str:
    """An ESM-C-shaped checkpoint with its tokenizer."""
    from transformers import EsmcConfig, EsmcForMaskedLM, EsmcTokenizer

    _save(folder, EsmcForMaskedLM, EsmcConfig(**SHAPE))
    EsmcTokenizer().save_pretrained(folder)
    return str(folder)


def tiny_bert(folder: Path, vocabulary: tuple[str, ...] = RESIDUES, **options) -> str:
    """A BERT of proteins."""
    from transformers import BertConfig, BertForMaskedLM

    config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, pad_token_id=0, **SHAPE | options)
    _save(folder, BertForMaskedLM, config)
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    return str(folder)


def tiny_cells(folder: Path) -> str:
    """A BERT of ranked genes."""
    tiny_bert(folder, hidden_act="relu")
    (folder / "vocab.txt").unlink()
    genes = ["<pad>", "<mask>", "<cls>", "<eos>", *(f"ENSG{n:011d}" for n in range(25))]
    (folder / "vocab.json").write_text(json.dumps({gene: i for i, gene in enumerate(genes)}))
    return str(folder)


def tiny_t5(folder: Path, mark: str = "▁", gated: bool = False, whole: bool = True) -> str:
    """A T5 of proteins: the whole encoder-decoder as on the hub, or the encoder alone.

    Args:
        folder: where.
        mark: what stands before the residue in its tokens.
        gated: feed-forward part.
        whole: with the decoder.
    """
    from transformers import T5Config, T5EncoderModel, T5ForConditionalGeneration

    pieces = ("<pad>", "</s>", "<unk>", *(mark + letter for letter in "ALGVSREDTIPKFQNYMHWCX"))
    config = T5Config(
        vocab_size=len(pieces),
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=3,
        num_heads=4,
        feed_forward_proj="gated-gelu" if gated else "relu",
    )
    _save(folder, T5ForConditionalGeneration if whole else T5EncoderModel, config)
    vocabulary = [[piece, 0.0] for piece in pieces]
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "Unigram", "vocab": vocabulary}}))
    return str(folder)


def tiny_chemberta(folder: Path) -> str:
    """A RoBERTa of SMILES with its tokenizer."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForMaskedLM

    atoms = ("Cl", "Br", "[Na+]", "[O-]", *"CNOSPFIcnos()=#123456[]@H+-./\\")
    names = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *atoms)
    config = RobertaConfig(vocab_size=len(names), max_position_embeddings=70, pad_token_id=0, **SHAPE)
    _save(folder, RobertaForMaskedLM, config)
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\[[^\]]+\]|Cl|Br|."), "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, mask_token="[MASK]", **marks)
    fast.save_pretrained(folder)
    return str(folder)


#: of a BERT of SMILES that comes with a plain list of tokens
PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Cl", "Br", "[Na+]", "[O-]", *"CNOSPFIcnos()=#123456-./")


def tiny_smiles_bert(folder: Path, pieces: tuple[str, ...] = PIECES) -> str:
    """A BERT of SMILES whose tokenizer is a vocabulary alone."""
    from transformers import BertConfig, BertForMaskedLM

    _save(folder, BertForMaskedLM, BertConfig(vocab_size=len(pieces), max_position_embeddings=70, **SHAPE))
    (folder / "vocab.txt").write_text("\n".join(pieces))
    return str(folder)


def _save(folder: Path, kind: Any, config: Any) -> None:
    """A model with random weights that differ enough for every part to show in its output."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = kind(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.1 * torch.randn_like(parameter)
        model.save_pretrained(folder)
