"""Every formula gets an answer or one sentence, soon and in little memory: what once ran for minutes is kept here."""

import resource
import time

import pytest

from scaling_collapse import InputError
from scaling_collapse.theory import derive

ONCE_ENDLESS = [
    ("t**-((a+b)**20)+p**-1", {}),
    ("((t**-99)**99)**99+p**-1", {}),
    ("L0+a*t**-0.123456789+b*p**-99+b*(a*t**-7+b*p**-0.123456789+a)/1e300", {}),
    ("L0+p**-(sqrt(b/12))+p**-0.1", {}),
    ("(12*t)**-0.712345678+p**-0.3", {}),
    ("99+m+1e-9+m/12*t**-1+a*p**-c*log(t)**1/3", {"gamma": "1"}),
    ("2*t**-1/3*log(t)**12+t**-1e-9+0.1*p**-a+p**-1", {}),
    ("0.1*p**-b*log(p)**2/a*t**-sqrt(1/3)*t**-20+m/12*p**-3.14159265358979*log(t)+((t)**12)**-1", {"kappa": "a**b"}),
    ("3*t**-(1/3+1e-300)+t**-(c/1e-300)*log(t)**1/3+p**-(3.14159265358979/20)+0.1*p**-7*log(t)**1", {}),
    ("a*t**-1e-300+p**-1/3*log(p)**2+a*t**-20*t**-(L0-m)+b*p**-(mu/L0)", {}),
    ("+".join(f"a{k}*t**-m{k}*p**-n{k}" for k in range(5)), {}),
    ("3*t**-1e-9+m/12*t**-b*log(t)**2+p**-(1/3+3.14159265358979)", {}),
    # A number and names added up in an exponent: a polynomial of degree 10^8.
    ("12*p**-0.5+3*t**-3.14159265358979+0.1*t**-m/12", {"gamma": "a"}),
    ("a*p**-20+12*t**-b*log(p)**2+t**-3.14159265358979*p**-b", {"gamma": "1"}),
    # High roots of sums with numbers in them.
    ("12*t**-c+12*t**-sqrt(1/3)+(0.1*t**-1/3+12*p**-c)**1e-9+0.1*t**-2", {"gamma": "a"}),
    ("3*t**-0.123456789*log(p)**2+(a+1)*p**-0.1*log(t)**12", {}),
    # A polynomial of degree 12 with square roots in it.
    ("12*t**-sqrt(1/3)*log(t)**12+t**-c*p**-1+2*t**-20*log(p)**2", {}),
    # The logarithm of a horizon's coefficient that is a polynomial of degree 120.
    ("(a+1)*t**-0.1*log(t)+0.1*p**-a*log(t)**12", {}),
    # Powers of numbers that no printer holds.
    ("(a+1)*p**-1/3+((a+1)*t**-0.001+12*p**-2)**0.7", {}),
    ("0.1*t**-0.001+(a+1)*t**-1e-9*log(t)**12+t**-99*log(p)**2+3*p**-1*log(t)**12", {}),
]


def _answer(text, options):
    """Every output of a derivation, or the sentence that refuses it."""
    try:
        found = derive(text, **options)
        return "\n".join((found.to_text(), found.to_latex(), str(found.to_json()), repr(found)))
    except InputError as refusal:
        return str(refusal)


@pytest.mark.parametrize(("text", "options"), ONCE_ENDLESS, ids=range(len(ONCE_ENDLESS)))
def test_an_answer_or_one_sentence_soon(text, options):
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = _answer(text, options)
    assert said
    assert len(said) < 400 or "\n" in said
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**19  # KiB


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t**-((a+b)**20)+p**-1", r"at most 16 products of names to powers of at most 50; got \(a \+ b\)\*\*20"),
        ("(a+b)**99*t**-1+p**-1", "coefficients of at most 64 products of names"),
        ("((t**-99)**99)**99+p**-1", "exponents of at most 100; got -9801"),
        ("t**-1e-300+p**-1", "of at least 1e-09"),
        ("1e300*1e300*t**-1", "numbers between 1e-300 and 1e300"),
        ("t**-1e-9+p**-1", "kappa between 1e-300 and 1e300; got about 10 to the -9000000000"),
        ("((a+1)*t**-0.001+12*p**-2)**0.7+(a+1)*p**-1/3", "kappa between 1e-300 and 1e300"),
        ("+".join(f"a{k}*t**-m{k}*p**-n{k}" for k in range(5)), "at most 8 names in exponents; got 10"),
    ],
)
def test_what_is_too_large_is_named(text, message):
    with pytest.raises(InputError, match=message):
        derive(text)
