; What an evaluation may cut out. The capture is the kind; ".inner" leaves out
; the brackets around it.

(block) @block.inner
(argument_list) @arguments.inner
(parameter_list) @arguments.inner

(block (_) @statement)
(expression_case (_) @statement)
(communication_case (_) @statement)
(default_case (_) @statement)

(expression_list (_) @expression)
(argument_list (_) @expression)
(if_statement condition: (_) @expression)
(for_statement (for_clause condition: (_) @expression))
(range_clause right: (_) @expression)
(binary_expression left: (_) @expression)
(binary_expression right: (_) @expression)
(unary_expression operand: (_) @expression)
(selector_expression) @expression
(index_expression index: (_) @expression)
(keyed_element (_) (_) @expression)
(expression_statement (_) @expression)
