import numpy as np
import torch

from tools.pretrain.corpus import CLS, EOS, FIRST_LETTER, LETTERS, MASK, Corpus
from tools.pretrain.model import NAME, Shape, build, use_fast_attention
from tools.pretrain.training import hidden_states, mask_tokens, pack

SMALL = Shape(2, 32, 2, 64)


def test_a_packed_sequence_has_the_states_it_has_alone() -> None:
    model = build(SMALL, 0).eval()
    for dropout in (False, True):
        model.esm.embeddings.token_dropout = dropout
        tokens, piece = pack([Corpus.of(["MKTAYIAKQR" * 4])], np.ones(1), 1, 90, np.random.default_rng(0))
        tokens[0, [5, 50, 51]] = MASK
        with torch.no_grad():
            packed = hidden_states(model, torch.from_numpy(tokens), torch.from_numpy(piece))[0]
            for number in (0, 1):
                here = piece[0] == number
                alone = model.esm(torch.from_numpy(tokens[:, here])).last_hidden_state[0]
                torch.testing.assert_close(packed[torch.from_numpy(here)], alone, rtol=1e-4, atol=1e-5)


def test_the_quick_kernels_compute_the_same_up_to_half_precision() -> None:
    plain, quick = build(SMALL, 0), use_fast_attention(build(SMALL, 0), "cpu", half=True)
    assert quick.config._attn_implementation == NAME
    assert list(plain.state_dict()) == list(quick.state_dict())
    tokens, piece = (
        torch.from_numpy(a) for a in pack([Corpus.of(["MKTAYIAKQR" * 4])], np.ones(1), 2, 90, np.random.default_rng(0))
    )
    with torch.no_grad():
        exact = hidden_states(plain, tokens, piece)
        with torch.autocast("cpu", torch.bfloat16):
            near = hidden_states(quick, tokens, piece)
    real = piece >= 0
    assert (near - exact)[real].norm() < 0.02 * exact[real].norm()


def test_rows_are_filled_and_masks_hit_residues_alone() -> None:
    corpora = [Corpus.of(["MKTAYIAKQR" * 6]), Corpus.of(["L" * 400])]
    rng = np.random.default_rng(0)
    tokens, piece = pack(corpora, np.array([3.0, 1.0]), 400, 128, rng)
    assert 0.2 < (tokens[:, 5] == FIRST_LETTER).mean() < 0.3  # the second corpus is all L, the first code of a letter
    assert ((tokens == CLS).sum(1) == piece.max(1) + 1).all()
    assert ((tokens == EOS).sum(1) == piece.max(1) + 1).all()
    shown, told = mask_tokens(tokens, 0.2, rng)
    assert (shown[~told] == tokens[~told]).all()
    letters = (tokens >= FIRST_LETTER) & (tokens < FIRST_LETTER + LETTERS)
    assert not told[~letters].any()
    assert abs(told[letters].mean() - 0.2) < 0.01
    assert abs((shown[told] == MASK).mean() - 0.8) < 0.02
