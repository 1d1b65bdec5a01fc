; @fault.empty  a node that must not be empty: the grammar reads "def f():" with
; nothing below it as a function with a block of no statements.
(block) @fault.empty
