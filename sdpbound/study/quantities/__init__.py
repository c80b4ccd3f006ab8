"""The quantities of studies: each knows how to evaluate itself at a point, what proves it, and how to audit its rows.

What may come in: what a study asks (:class:`~sdpbound.study.quantities.kind.Asked`) at a point with its noise and data
(:class:`~sdpbound.study.quantities.at_point.AtPoint`). What is handed on: rows, and the results of auditing rows. A
quantity is a class, or an object of one, and a line of the table
:data:`~sdpbound.study.quantities.table.QUANTITIES`.
"""
