"""Names of Spark NLP's and NLU's that people look for here: what there is instead, if anything.

`base`, `annotator` and the package itself answer with it when such a name is imported from them.
"""

from __future__ import annotations

import re
from typing import NoReturn

from embedpipe.errors import NotHereError

__all__ = ["refuse_name"]

_BASE = (
    "Annotation Doc2Chunk DocumentAssembler EmbeddingsFinisher Finisher LightPipeline Pipeline "
    "PipelineModel TokenAssembler"
)
_ANNOTATOR = (
    "AlbertEmbeddings AnnotatorType BertEmbeddings BertSentenceEmbeddings ChunkEmbeddings "
    "SentenceDetector SentenceEmbeddings Tokenizer TokenizerModel"
)
_MODULES = {"embedpipe.base": _BASE.split(), "embedpipe.annotator": _ANNOTATOR.split()}

_IN_GENERAL = "not here: embedpipe makes embeddings, by encoders of BERT's family"
_CLASSIFY = (
    f"{_IN_GENERAL}. Train a classifier on its vectors, with scikit-learn for example: those of "
    "Encoder.encode, or of EmbeddingsFinisher(outputAs='vector')"
)
_FIND = (
    f"{_IN_GENERAL}. Find such parts of the text yourself, by regular expressions for example, and "
    "give them to Doc2Chunk by its chunkCol"
)
_ANOTHER_ENCODER = (
    "not here yet, nor are models of its architecture. For sentences, BertSentenceEmbeddings "
    "stands in, with a model of BERT's: pretrained() gives the one in the package"
)
_NO_STAGE_NEEDED = (
    "not here: models of BERT's family read text as it is written, and their tokenizers fold case "
    "where they were trained so. Leave the stage out; DocumentAssembler.setCleanupMode cleans up "
    "white space"
)

_ADVICE = (
    (
        "PretrainedPipeline|ResourceDownloader",
        "not here. PipelineModel.load opens a pipeline that was downloaded, if all its stages are "
        "here; embedpipe.load('NAME') makes one for a model in a line",
    ),
    ("RecursivePipeline(Model)?", "not here; use Pipeline and PipelineModel"),
    ("HasRecursive(Fit|Transform)", "not here: no stage gets the pipeline that it stands in"),
    ("MultiDocumentAssembler", "not here; use one DocumentAssembler for each column"),
    ("(Audio|Image|Table|Prompt)Assembler|GraphFinisher", _IN_GENERAL),
    ("SentenceDetectorDL(Model|Approach)|SentenceDetectorParams", "not here; use SentenceDetector"),
    ("Regex(Tokenizer)", "not here; use Tokenizer().setTargetPattern(...)"),
    ("(Recursive|Chunk)Tokenizer(Model)?", "not here; use Tokenizer"),
    (
        "WordSegmenter(Model|Approach)",
        "not here. Models cut texts without spaces by themselves: use BertSentenceEmbeddings",
    ),
    (
        "(BGE|E5|Mxbai|UAE|SnowFlake)Embeddings",
        "not here by that name: its models are BERT's; use BertSentenceEmbeddings.load(folder), or "
        "Encoder.load",
    ),
    (
        "UniversalSentenceEncoder|(OpenAI|Instructor|AutoGGUF)Embeddings",
        "not here; use BertSentenceEmbeddings.pretrained() for vectors of sentences",
    ),
    (
        "(WordEmbeddings|Word2Vec|Doc2Vec)(Model|Approach)?|(Elmo|Xlnet)Embeddings",
        "not here; use BertEmbeddings for vectors of tokens in their context",
    ),
    (
        "(RoBerta|XlmRoBerta|DistilBert|MPNet|CamemBert|DeBerta|Longformer|Nomic)"
        "(Sentence)?Embeddings",
        _ANOTHER_ENCODER,
    ),
    (
        "(Document)?Normalizer(Model)?|StopWordsCleaner|Stemmer|Lemmatizer(Model)?|"
        "(ContextSpellChecker|NorvigSweeting|SymmetricDelete)(Approach|Model)",
        _NO_STAGE_NEEDED,
    ),
    (
        "Document(CharacterText|Token)Splitter\\w*",
        "not here; SentenceDetector cuts texts, and setLengthPolicy('window') on a stage with a "
        "model reads long ones to their ends",
    ),
    (
        "DocumentSimilarityRanker\\w+",
        "not here; use the command embedpipe search, or search_file",
    ),
    ("(Chunk2Doc|Token2Chunk|Date2Chunk)", "not here yet"),
    (
        "(Big)?TextMatcher(Model)?|RegexMatcher(Model)?|(Multi)?DateMatcher(Utils)?|"
        "EntityRuler(Approach|Model)|Chunker|NGramGenerator|YakeKeywordExtraction",
        _FIND,
    ),
    (
        "\\w+For(Sequence|Token|ZeroShot|Image)?Classification|\\w+ForMultipleChoice|"
        "(Multi)?ClassifierDL(Model|Approach)|ClassifierEncoder|EvaluationDLParams|"
        "(SentimentDL|ViveknSentiment)(Approach|Model)|SentimentDetector(Model)?|"
        "LanguageDetectorDL|Ner\\w*|TFNerDL\\w+|ZeroShotNerModel|Perceptron(Approach|Model)|"
        "(Typed)?DependencyParser(Approach|Model)|SpanBertCorefModel|GraphExtraction",
        _CLASSIFY,
    ),
    (
        "\\w+Transformer|\\w+For(QuestionAnswering|CTC|ImageCaptioning)|AutoGGUFModel|"
        "OpenAICompletion|\\w+TestSpec|SparkNLPReader",
        _IN_GENERAL,
    ),
    ("auth", "not here: nothing is licensed. Leave the line out"),
    ("enable_verbose|disable_verbose", "not here: errors say what is wrong without it"),
    (
        "to_pretty_df|to_nlu_pipe|autocomplete_pipeline",
        "not here; save the pipeline, and embedpipe.load(path=...) gives it the method predict",
    ),
    ("viz", "not here; it draws what embedpipe does not find"),
)
"""What is said of names that fit a pattern; the first one counts."""


def refuse_name(name: str, module: str) -> NoReturn:
    """Raise the error for a name that a module does not have.

    Raises NotHereError, an ImportError, for a name of Spark NLP's or NLU's, with what to do; an
    AttributeError as Python does for others. `from module import name` would hide the words of an
    AttributeError.

    >>> refuse_name("NerDLModel", "embedpipe.annotator")
    Traceback (most recent call last):
    embedpipe.errors.NotHereError: embedpipe.annotator.NerDLModel: not here: embedpipe makes ...
    """
    for other, names in _MODULES.items():
        if name in names and other != module:
            raise NotHereError(f"{module}.{name}: import it from {other}", name=name)
    for pattern, advice in _ADVICE:
        if re.fullmatch(pattern, name):
            raise NotHereError(f"{module}.{name}: {advice}", name=name)
    raise AttributeError(f"module {module!r} has no attribute {name!r}")
