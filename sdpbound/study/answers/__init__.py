"""The evaluation of a task: each quantity is solved and certified at its point, in any process.

What may come in: a :class:`~sdpbound.study.plan.Task`. What is handed on: an
:class:`~sdpbound.study.store.answer.Answer`.
"""
