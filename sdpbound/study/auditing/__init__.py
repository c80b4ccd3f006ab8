"""The check of a store, in which every row is compared with its certificates.

What may come in: a study with its store, from anyone. What is handed on: an
:class:`~sdpbound.study.auditing.audit.Audit`.
"""
