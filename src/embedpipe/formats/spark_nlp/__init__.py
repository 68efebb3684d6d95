"""Models as Spark NLP saved them."""
