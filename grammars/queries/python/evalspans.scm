; What an evaluation may cut out. The capture is the kind; ".inner" leaves out
; the brackets around it.

(block) @block
(argument_list) @arguments.inner
(parameters) @arguments.inner

(block (_) @statement)

(assignment right: (_) @expression)
(augmented_assignment right: (_) @expression)
(return_statement (_) @expression)
(argument_list (_) @expression)
(keyword_argument value: (_) @expression)
(if_statement condition: (_) @expression)
(elif_clause condition: (_) @expression)
(while_statement condition: (_) @expression)
(for_statement right: (_) @expression)
(binary_operator right: (_) @expression)
(boolean_operator right: (_) @expression)
(comparison_operator (_) . (_) @expression)
(attribute) @expression
(subscript subscript: (_) @expression)
(expression_statement (_) @expression)
