"""Fine-tuning of a model on data of one's own: pairs, triplets, labels, and plain text."""
