import pytest

from hub.setup.registries import NPM_REGISTRY, PYTHON_INDEX, npm_registry, python_index


def test_the_public_registries_are_the_default():
    assert npm_registry({}) == "https://" + ".".join(NPM_REGISTRY) + "/"
    assert python_index({}) == "https://" + ".".join(PYTHON_INDEX) + "/simple/"


@pytest.mark.parametrize("name", ["HUB_NPM_REGISTRY", "npm_config_registry", "NPM_CONFIG_REGISTRY"])
def test_a_registry_of_ones_own_wins(name):
    assert npm_registry({name: "https://mirror.example/npm"}) == "https://mirror.example/npm/"


def test_the_hubs_setting_wins_over_npms():
    settings = {"npm_config_registry": "https://theirs.example/", "HUB_NPM_REGISTRY": "https://ours.example/"}

    assert npm_registry(settings) == "https://ours.example/"


def test_pips_index_is_honoured():
    assert (
        python_index({"PIP_INDEX_URL": "https://mirror.example/simple"}) == "https://mirror.example/simple/"
    )
