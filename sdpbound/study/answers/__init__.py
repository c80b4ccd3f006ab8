"""From a task to its rows: each quantity at its point, solved and certified, in whatever process.

What may come in: a :class:`~sdpbound.study.plan.Task`. What is handed on: an
:class:`~sdpbound.study.store.answer.Answer`.
"""
