; @break.before and @break.after: outside brackets no line may end between
; them. The grammar lets one: it reads "x =", line break, "f()" as "x = f()".
(assignment "=" @break.before right: (_) @break.after)
(augmented_assignment operator: _ @break.before right: (_) @break.after)
(attribute "." @break.before attribute: (_) @break.after)
(binary_operator operator: _ @break.before right: (_) @break.after)
(boolean_operator operator: _ @break.before right: (_) @break.after)
(comparison_operator operators: _ @break.before . (_) @break.after)
(not_operator "not" @break.before argument: (_) @break.after)
