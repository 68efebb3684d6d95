"""Pipelines: what every stage is, the plan of a run, `Pipeline`, `PipelineModel`, `LightPipeline`.

The annotators themselves are in `stages`.
"""
