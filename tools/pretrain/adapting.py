"""Training a pretrained model on with LoRA, on the homologs of one family."""

from __future__ import annotations

from activeloop.adapters.lora import LoRA
from activeloop.errors import ModelError
from activeloop.foundation.architectures import EsmEncoder
from activeloop.foundation.protein_models import ESM2
from tools.pretrain.building import quicken
from tools.pretrain.corpus import MASK, VOCABULARY
from tools.pretrain.learned import AdaptedModel


def adapted(base: str, rank: int, seed: int, device: str, half: bool) -> AdaptedModel:
    """A pretrained model, frozen, with LoRA in all linear maps of its layers.

    Args:
        base: hub id or folder of an ESM-2 checkpoint.
        rank: of LoRA; alpha is twice as much.
        seed: of its first weights.
        device: where it is trained.
        half: whether it will run in bfloat16.

    Raises:
        ModelError: the base has other letters or other positions than ESM-2.
        FetchError: neither a folder nor to be had from the hub.
    """
    encoder = ESM2(base).load()
    if not isinstance(encoder, EsmEncoder) or not _like_esm2(encoder):
        raise ModelError(
            f'"{base}" has not the letters or the rotary positions of ESM-2. Choose one; nothing was trained.'
        )
    attached = LoRA(rank, 2.0 * rank).attach(encoder, seed)
    quicken(encoder.model, device, half)
    return AdaptedModel(attached)


def _like_esm2(encoder: EsmEncoder) -> bool:
    config = encoder.model.config
    same = config.vocab_size == len(VOCABULARY) and config.mask_token_id == MASK
    return same and config.position_embedding_type == "rotary"
