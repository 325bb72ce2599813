"""Learning intents from examples: figures computed right, the same again, kept without code in the file, calibrated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigError
from core.understanding.classifier import Classifier
from core.understanding.evaluation import confusion, evaluate
from core.understanding.examples import Example
from core.understanding.features import pieces, plain, words
from core.understanding.kept import file_of, read_classifier, write_classifier
from core.understanding.labelled import read_labelled
from core.understanding.training import PRECISION, Trained, digest_of, train
from tests.core.intents_set import INTENTS
from tests.core.shop import make_shop, open_shop

EXAMPLES = [
    Example(f"{start} {thing}{end}", label, language)
    for label, language, start, things, end in (
        (
            "price",
            "en",
            "how much is the",
            ("red mug", "blue cup", "big pot", "small bowl", "old plate", "tall jug"),
            "",
        ),
        ("price", "zh", "请问", ("红杯子", "蓝碗", "大壶", "小盘子", "旧茶罐", "高水壶"), "多少钱"),
        (
            "repair",
            "en",
            "can you repair my",
            ("red mug", "blue cup", "big pot", "small bowl", "old plate", "tall jug"),
            "",
        ),
        ("repair", "zh", "能修", ("红杯子", "蓝碗", "大壶", "小盘子", "旧茶罐", "高水壶"), "吗"),
        (
            "gift",
            "en",
            "is the",
            ("red mug", "blue cup", "big pot", "small bowl", "old plate", "tall jug"),
            " a nice gift",
        ),
        ("gift", "zh", "送", ("红杯子", "蓝碗", "大壶", "小盘子", "旧茶罐", "高水壶"), "合适吗"),
    )
    for thing in things
    for start, end in ((start, end), (f"hi, {start}", f"{end}?"))
]


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(EXAMPLES)


# ── features ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_text_is_plain() -> None:
    assert plain("ＨＯＷ much? 訂單 20417") == "how much? 订单 0000"


def test_words_and_pieces() -> None:
    assert dict(words("tea, tea 好茶")) == {"wtea": 2, "w好": 1, "w茶": 1, "wtea tea": 1, "wtea 好": 1, "w好 茶": 1}
    assert set(pieces("ab 好茶叶")) == {"p a", "pab", "pb ", "p ab", "pab ", "p ab ", "p好茶", "p茶叶", "p好茶叶"}


# ── learning ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("how much is the green mug", "price"),
        ("绿杯子多少钱", "price"),
        ("綠杯子多少錢", "price"),
        ("could you repair my teapot", "repair"),
        ("能修花瓶吗", "repair"),
        ("is the vase a nice gift", "gift"),
        ("送花瓶合适吗", "gift"),
    ],
)
def test_what_was_learnt_holds_for_other_texts_in_both_languages(trained: Trained, text: str, label: str) -> None:
    verdict = trained.classifier.classify(text)
    assert verdict is not None
    assert verdict.label == label


def test_the_same_examples_give_the_same_classifier(trained: Trained) -> None:
    again = train(EXAMPLES)
    assert np.array_equal(again.classifier.weights, trained.classifier.weights)
    assert again.classifier.sharpness == trained.classifier.sharpness
    assert np.array_equal(again.held.scores, trained.held.scores)
    assert list(again.classifier.terms.columns) == list(trained.classifier.terms.columns)


def test_every_example_is_judged_once_by_a_classifier_that_has_not_learnt_from_it(trained: Trained) -> None:
    assert trained.held.rows.tolist() == list(range(len(EXAMPLES)))
    odd = [Example("how much is the red mug", "repair", "en"), *EXAMPLES]
    said = train(odd).held.scores[0].argmax()
    assert trained.classifier.labels[said] == "price", "it would have said what it had learnt"


def test_thresholds_hold_what_they_promise_and_noise_is_never_sure() -> None:
    random = np.random.default_rng(1)
    noise = [Example(f"word{random.integers(40)} word{random.integers(40)}", f"label{n % 2}") for n in range(80)]
    found = train([*EXAMPLES, *noise]).classifier
    for label, threshold in zip(found.labels, found.thresholds, strict=True):
        assert (threshold == np.inf) == label.startswith("label")
    verdicts = [found.classify(one.text) for one in noise]
    assert not any(verdict.sure for verdict in verdicts if verdict)
    assert 0.9 < PRECISION < 1


def test_vectors_tell_what_words_do_not() -> None:
    """Labels by a direction of the vectors alone; the words say nothing."""
    random = np.random.default_rng(2)
    vectors = random.normal(size=(120, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    examples = [Example(f"text {n % 7}", "up" if vectors[n, 0] > 0 else "down") for n in range(120)]
    found = train(examples, vectors, embedder="abc").classifier
    assert (found.dimensions, found.embedder) == (8, "abc")
    one = np.eye(8, dtype=np.float32)[0]
    for vector, label in ((one, "up"), (-one, "down")):
        verdict = found.classify("text 3", vector)
        assert verdict is not None
        assert verdict.label == label
    assert found.classify("text 3") is None, "without its vector it says nothing"
    assert found.classify("text 3", np.ones(4, np.float32)) is None


def test_of_very_many_examples_a_fifth_is_held_out() -> None:
    many = [Example(f"{'alpha' if n % 2 else 'beta'} {n % 50} {n}", f"label{n % 2}") for n in range(4200)]
    found = train(many)
    assert len(found.held.rows) == 840
    labels = [many[row].label for row in found.held.rows]
    assert labels.count("label0") == labels.count("label1")


def test_too_few_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="two labels"):
        train([Example("a", "x"), Example("b", "x")])
    with pytest.raises(ValueError, match="too few examples of: y"):
        train([Example("a", "x"), Example("b", "x"), Example("c", "y")])


def test_scikit_learn_is_not_needed_to_classify(trained: Trained, tmp_path: Path) -> None:
    import subprocess
    import sys

    write_classifier(tmp_path / "a.npz", trained.classifier)
    code = (
        "import sys; from pathlib import Path; from core.understanding.kept import read_classifier;"
        f"found = read_classifier(Path({str(tmp_path / 'a.npz')!r}), {trained.classifier.data!r}, '');"
        "print(found.classify('how much is the green mug').label, 'sklearn' in sys.modules, 'scipy' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["price", "False", "False"], told.stderr


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────────────


def same(one: Classifier | None, other: Classifier) -> bool:
    return one is not None and all(one.classify(example.text) == other.classify(example.text) for example in EXAMPLES)


def test_what_is_kept_is_the_same_when_it_is_read(trained: Trained, tmp_path: Path) -> None:
    file = file_of(tmp_path, "mugs")
    write_classifier(file, trained.classifier)
    assert same(read_classifier(file, digest_of(EXAMPLES), ""), trained.classifier)
    assert [path.name for path in file.parent.iterdir()] == ["mugs.npz"]
    with np.load(file, allow_pickle=False) as arrays:  # raises if there is anything but numbers in it
        assert all(arrays[name].dtype != object for name in arrays)


def test_one_of_other_examples_or_of_another_embedder_is_not_used(trained: Trained, tmp_path: Path) -> None:
    file = tmp_path / "mugs.npz"
    write_classifier(file, trained.classifier)
    assert digest_of(EXAMPLES) == digest_of(EXAMPLES[::-1])
    assert read_classifier(file, digest_of(EXAMPLES[1:]), "") is None
    assert read_classifier(file, digest_of(EXAMPLES), "another") is None
    assert read_classifier(tmp_path / "none.npz", digest_of(EXAMPLES), "") is None


def test_one_of_another_version_is_not_used(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mugs.npz"
    monkeypatch.setattr("core.understanding.kept.FORMAT", 99)
    write_classifier(file, trained.classifier)
    assert read_classifier(file, digest_of(EXAMPLES), "") is not None
    monkeypatch.undo()
    assert read_classifier(file, digest_of(EXAMPLES), "") is None


@pytest.mark.parametrize("broken", [b"", b"PK\x03\x04", b"no archive at all"])
def test_a_broken_file_is_not_used(trained: Trained, tmp_path: Path, broken: bytes) -> None:
    file = tmp_path / "mugs.npz"
    file.write_bytes(broken)
    assert read_classifier(file, digest_of(EXAMPLES), "") is None
    write_classifier(file, trained.classifier)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert read_classifier(file, digest_of(EXAMPLES), "") is None


def test_parts_that_do_not_fit_together_are_not_used(trained: Trained, tmp_path: Path) -> None:
    file = tmp_path / "mugs.npz"
    write_classifier(file, replace(trained.classifier, bias=trained.classifier.bias[1:]))
    assert read_classifier(file, digest_of(EXAMPLES), "") is None


def test_what_cannot_be_written_leaves_the_old_one(trained: Trained, tmp_path: Path) -> None:
    file = tmp_path / "mugs.npz"
    file.mkdir()
    (file / "x").touch()
    with pytest.raises(OSError, match=r"mugs\.npz"):
        write_classifier(file, trained.classifier)
    assert [path.name for path in tmp_path.iterdir()] == ["mugs.npz"], "nothing half-written is left"


# ── figures ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_figures_of_a_matrix_made_by_hand() -> None:
    #            said:  a  b  out
    # is a              3  1  0
    # is b              0  2  0
    # is out_of_scope   1  0  3
    truth = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2])
    said = np.array([0, 0, 0, 1, 1, 1, 0, 2, 2, 2])
    sure = np.array([1, 1, 0, 1, 1, 0, 0, 1, 0, 0], bool)
    languages = ["en"] * 5 + ["zh"] * 5
    found = evaluate(["a", "b", "out_of_scope"], truth, said, sure, languages)
    assert found.confusion == [[3, 1, 0], [0, 2, 0], [1, 0, 3]]
    assert found.accuracy == 0.8
    assert found.by_language == {"en": 0.8, "zh": 0.8}
    a, b, out = found.per_label
    assert (a.examples, a.precision, a.recall, a.f1) == (4, 3 / 4, 3 / 4, 0.75)
    assert (b.examples, b.precision, b.recall) == (2, 2 / 3, 1.0)
    assert b.f1 == pytest.approx(2 * (2 / 3) / (2 / 3 + 1))
    assert (out.precision, out.recall, found.out_of_scope_recall) == (1.0, 0.75, 0.75)
    assert out.f1 == pytest.approx(6 / 7)
    assert found.macro_f1 == pytest.approx((0.75 + 0.8 + 6 / 7) / 3)
    assert (found.sure, found.sure_accuracy) == (0.5, 0.8)
    assert (a.sure, a.sure_precision) == (0.5, 1.0)
    assert (b.sure, b.sure_precision) == (0.5, 0.5)


def test_what_never_is_or_never_is_said_has_no_share() -> None:
    found = evaluate(["a", "b", "c"], np.array([0, 0, 1]), np.array([0, 2, 2]), np.zeros(3, bool), ["en"] * 3)
    a, b, c = found.per_label
    assert (a.precision, a.recall) == (1.0, 0.5)
    assert (b.precision, b.recall, b.f1) == (None, 0.0, 0.0)
    assert (c.precision, c.recall, c.examples) == (0.0, None, 0)
    assert found.sure_accuracy is None
    assert found.out_of_scope_recall is None
    assert confusion(2, np.array([1, 1]), np.array([0, 0])).tolist() == [[0, 0], [2, 0]]
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate(["a"], np.array([], int), np.array([], int), np.array([], bool), [])


# ── the files ────────────────────────────────────────────────────────────────────────────────────────────


def with_intents(folder: Path, text: str) -> Path:
    shop = make_shop(folder)
    (shop / "intents.yaml").write_text(text, encoding="utf-8")
    return shop


def test_approved_answers_and_their_intents_are_added(tmp_path: Path) -> None:
    shop = with_intents(tmp_path, INTENTS.replace("complaint:\n", "complaint:\n  answers: [parking]\n"))
    from core.botfile import load_bot

    found = {one.text: (one.label, one.language) for one in load_bot(shop).intents}
    assert found["几点开门"] == ("approved_answer", "zh")
    assert found["Is there parking?"] == ("complaint", "en")
    assert found["转人工"] == ("wants_person", "zh")


def test_a_bot_without_the_file_has_no_examples(tmp_path: Path) -> None:
    assert open_shop(tmp_path).intents == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "wrong", "right"),
    [
        ("complaint:", "complaints:", 6, "complaints", "is no known key", "Did you mean 'complaint'?"),
        ("    zh: [转人工", "    fr: [转人工", 5, "wants_person.examples.fr", "is no language of this bot", "en, zh"),
        (
            "complaint:\n",
            "complaint:\n  answers: [parkin]\n",
            7,
            "complaint.answers.0",
            "there is no approved answer 'parkin'",
            "Did you mean 'parking'?",
        ),
        (
            "I feel cheated",
            "get me a human",
            4,
            "wants_person.examples.en.0",
            "'get me a human' is written twice",
            "complaint already, in line 8",
        ),
        ("complaint:", "complaint: [", 6, "", "is no proper YAML", ""),
        ("I am very disappointed", '""', 8, "complaint.examples.en.1", "must not be empty", ""),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, key: str, wrong: str, right: str
) -> None:
    from core.botfile import load_bot

    assert old in INTENTS
    shop = with_intents(tmp_path, INTENTS.replace(old, new, 1))
    with pytest.raises(ConfigError) as raised:
        load_bot(shop)
    found = [one for one in raised.value.problems if one.file == "intents.yaml"]
    assert any(
        wrong in one.wrong and (not key or one.key == key) and right in one.right and (not key or one.line == line)
        for one in found
    ), found


def test_too_few_examples_of_an_intent_are_named(tmp_path: Path) -> None:
    from core.botfile import load_bot

    shop = with_intents(tmp_path, "complaint:\n  examples: {en: [bad, very bad]}\n")
    with pytest.raises(ConfigError, match="has 2 examples, too few"):
        load_bot(shop)


def test_labelled_examples_from_a_csv(tmp_path: Path) -> None:
    file = tmp_path / "some.csv"
    file.write_text('text,category\n"hello, you",greet\n多少钱,price\n', encoding="utf-8")
    assert read_labelled(file, ["en", "zh"]) == [Example("hello, you", "greet", "en"), Example("多少钱", "price", "zh")]
    file.write_text("text,intent,language\nhola,greet,es\n", encoding="utf-8")
    assert read_labelled(file, ["en"]) == [Example("hola", "greet", "es")]


@pytest.mark.parametrize(
    ("content", "line", "key", "wrong"),
    [
        (b"words,category\nx,y\n", 1, "text", "this column is missing"),
        (b"text,kind\nx,y\n", 1, "category", "this column is missing"),
        (b"text,category\nx,\n", 2, "category", "is empty"),
        (b"text,category\n", 1, "", "has no examples"),
        (b"text,category\n\xff,a\n", 0, "", "is not UTF-8"),
        (b'text,category\nx,a\n"x,a\n', 2, "", "is no proper CSV"),
    ],
)
def test_a_wrong_csv(tmp_path: Path, content: bytes, line: int, key: str, wrong: str) -> None:
    file = tmp_path / "some.csv"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        read_labelled(file, ["en"])
    problem = raised.value.problems[0]
    assert (problem.line, problem.key) == (line, key)
    assert wrong in problem.wrong
    assert problem.right
