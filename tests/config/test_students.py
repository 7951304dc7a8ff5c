"""`[student]` of campaign.toml: names become teachings, sizes are the network's own, mistakes are named."""

from __future__ import annotations

import pytest

from activeloop.candidates import Compound, Pool
from activeloop.candidates.notation import VariantNotation
from activeloop.config import StudentConfig, config_text, parse_config
from activeloop.config.students import LADDERS, NETWORKS, default_network_name, sized, trainer_of
from activeloop.errors import ConfigError
from activeloop.students.campaign import CampaignDistillation
from activeloop.students.distil.networks import ConvNet, FirstLayers, SiteNetwork

SCAN = Pool.single_mutants("MKTAYI")
LIBRARY = Pool.combinatorial("MKTAYIAKQR", ["K2", "T3", "A4"])
COMPOUNDS = Pool.of([Compound("C" * n) for n in range(1, 9)])
GOOD = """
[pool]
wild_type = "MKTAYI"
singles = true
[[assays]]
name = "kcat"
"""


def training(pool: Pool = SCAN, **settings) -> CampaignDistillation:
    made = trainer_of(StudentConfig(**settings), pool, "campaign.toml")
    assert isinstance(made, CampaignDistillation)
    return made


def test_auto_reads_sites_of_variants_and_all_of_compounds():
    assert training(LIBRARY).distiller.network == SiteNetwork()
    assert training().distiller.network == SiteNetwork()
    assert default_network_name(Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ")) == "sites"
    assert training(COMPOUNDS).distiller.network == ConvNet()


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_each_network_can_be_named(name):
    network = training(network=name).distiller.network
    assert network == (FirstLayers(1) if name == "first-layers" else NETWORKS[name]())


def test_options_reach_network_and_trainer_and_are_part_of_the_name():
    made = training(network="conv", options={"width": 32}, training={"alpha": 0.3, "steps": 50}, int8=True)
    assert made.distiller.network == ConvNet(width=32)
    assert (made.distiller.alpha, made.distiller.steps, made.int8) == (0.3, 50, True)
    assert made.name == "ConvNet(width=32, blocks=4, kernel=5), alpha=0.3, steps=50, int8=True"


def test_different_settings_have_different_names():
    some = [
        {},
        {"int8": True},
        {"min_spearman": 0.9},
        {"min_spearman": 0.95},
        {"network": "transformer"},
        {"training": {"rate": 0.01}},
    ]
    names = [training(**settings).name for settings in some]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", ["auto", "conv", "transformer", "sites"])
def test_the_smallest_is_looked_for_among_networks_of_the_kind(name):
    assert training(COMPOUNDS, network=name, min_spearman=0.9).networks == LADDERS[name]
    assert len(LADDERS[name]) >= 2
    assert training(LIBRARY, min_spearman=0.9).networks == LADDERS["sites"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"network": "conv", "options": {"depth": 3}},
            r'campaign.toml: network "conv" has no option "depth"; it takes: width, blocks',
        ),
        ({"network": "conv", "options": {"width": "wide"}}, "option \"width\" is 'wide'; it must be a whole number"),
        ({"training": {"speed": 3}}, 'has no option "speed"; it takes: alpha, temperature'),
        ({"training": {"alpha": 3.0}}, "alpha from 0 to 1"),
        (
            {"min_spearman": 0.9, "options": {"hidden": [8]}},
            "min_spearman searches for the size itself: leave out options",
        ),
        ({"min_spearman": 0.9, "network": "first-layers"}, "min_spearman searches for the size"),
        ({"network": "first-layers", "options": {"letters": "ACD"}}, 'has no option "letters"'),
    ],
)
def test_mistakes_are_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        training(**settings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[student]\nnetwork = 'convnet'", "\"student.network\" is \"convnet\"; it must be 'auto', 'conv'"),
        ("[student]\nmin_spearman = 1.0", '"student.min_spearman" is 1.0; it must be below 1'),
        ("[student]\nautomatic = true", 'there is no key "student.automatic"; did you mean "auto"'),
    ],
)
def test_mistakes_in_the_file_are_named(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_config(GOOD + text, "campaign.toml")


def test_a_recipe_from_before_there_were_students_is_read_and_written():
    config = parse_config(GOOD, "campaign.toml")
    assert config.student == StudentConfig()
    assert not config.student.auto
    full = config.model_copy(
        update={"student": StudentConfig(auto=True, network="conv", options={"width": 8}, min_spearman=0.9, int8=True)}
    )
    assert parse_config(config_text(full), "campaign.toml") == full


def test_width_and_layers_are_the_networks_own():
    assert sized(StudentConfig(network="transformer"), SCAN, 32, 1).options == {"width": 32, "layers": 1}
    assert sized(StudentConfig(network="conv", options={"kernel": 3}), SCAN, None, 2).options == {
        "kernel": 3,
        "blocks": 2,
    }
    assert sized(StudentConfig(), LIBRARY, None, 3).options == {"hidden": [64, 64, 64]}
    assert sized(StudentConfig(), LIBRARY, None, None).options == {}
    assert sized(StudentConfig(network="first-layers"), SCAN, None, 2).options == {"layers": 2}


def test_auto_reads_whole_sequences_where_lengths_differ():
    notation = VariantNotation("MKTAYIAK")
    pool = Pool.of([notation.design("K2A"), notation.design("K2del")])
    assert default_network_name(pool) == "conv"
