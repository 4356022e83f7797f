"""The tables that come with the package, by `sc.examples` and by `example:NAME`."""

import pytest

import scaling_collapse as sc
from scaling_collapse.cli import main
from scaling_collapse.empirical.tables.example_tables import EXAMPLES


def runs(ladder):
    return [(c.run, c.params, c.tokens.tolist(), c.loss.tolist()) for c in ladder]


def test_every_table_has_a_name_and_the_ladder_file_that_made_it():
    assert sc.examples.names() == tuple(sorted(p.stem for p in EXAMPLES.iterdir()))
    assert {"mlp", "text", "chess", "fourier3", "mlp-overtrained", "mlp-schedule-linear"} <= set(sc.examples.names())
    for name in sc.examples.names():
        assert sc.examples.path(name).is_file()
        assert (EXAMPLES.parent / f"{name}.toml").is_file()


def test_the_horizon_may_be_left_out():
    whole = sc.examples.load("mlp-overtrained", use_horizon=False)
    assert runs(whole) == runs(sc.read_curves(sc.examples.path("mlp-overtrained"), use_horizon=False))


@pytest.mark.parametrize("call", [sc.examples.path, sc.examples.load])
def test_an_unknown_name_is_refused_with_the_names(call):
    with pytest.raises(sc.InputError, match=r"examples.path needs a name of chess, .*, text-constant; got 'mnist'"):
        call("mnist")


def test_example_is_a_source_like_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = runs(sc.examples.load("chess"))
    assert runs(sc.read_curves("example:chess")) == expected
    assert runs(sc.read_curves(["example:chess"])) == expected
    targets = sc.read_targets("example:mlp-schedule-wsd")
    assert len(targets) == len(sc.examples.load("mlp-schedule-wsd"))
    assert len(sc.read_curves("example:mlp-schedule-*")) == 25
    with pytest.raises(sc.InputError, match=r"example:NAME needs the name of a table .*\(chess, .*\); got 'mnist'"):
        sc.read_curves("example:mnist")


def test_validate_takes_examples_as_tables_and_as_ablations():
    found = sc.validate("example:fourier3", ablations=["example:fourier3-lr-*"], offsets={"fourier3*": 0.0}, draws=50)
    assert {t.name: t.ablation for t in found.tables} == {
        "fourier3": False,
        "fourier3-lr-of-width-12": True,
        "fourier3-lr-of-width-8": True,
    }


def test_verbs_take_examples(capsys):
    assert main(["measure", "example:fourier3", "--json", "-"]) == 0
    assert '"verdict"' in capsys.readouterr().out
    assert main(["fit", "example:nothing"]) == 2
    assert "error: example:NAME needs the name of a table" in capsys.readouterr().err
