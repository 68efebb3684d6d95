r"""Text into documents, sentences and words: pure functions over `str`.

    cleanup                         white space of whole documents
    sentences, sentence_rules       where sentences end, by parameters
      sentence_marks, dot_rules, abbreviations   the rules themselves
      sentence_columns              the same for many texts at once, as arrays
    words, word_rules               what words a sentence has, by parameters
      word_columns                  the same for many sentences at once, as arrays
    recorded                        both with the offsets that Spark NLP gives where they are wrong
    java/                           patterns of java.util.regex for Python's `re`
    code_points                     sets of characters
    basic_words                     the words that BERT's pieces are looked for in, as in Spark NLP
    offsets, segment                code points and UTF-16 units; a stretch of text

Offsets are half-open and count code points, but in `recorded`. Columns and annotations are made of
all this in `embedpipe.stages`; sub-word pieces in `embedpipe.subword`.
"""
