; @hole.stub  statements that only say that the body is missing
; @hole.none  bodies that mean to be as they are: no hole within
; @function   what the hole is indented against
;
; Only the predicates eq?, not-eq?, match? and not-match? may be used. Each
; stub stands twice: an end anchor after an optional comment would be ignored.

; pass, ... and raise NotImplementedError as the only statement
(function_definition
  body: (block . (comment)* .
    [(pass_statement) (expression_statement (ellipsis))] @hole.stub .)) @function
(function_definition
  body: (block . (comment)* .
    [(pass_statement) (expression_statement (ellipsis))] @hole.stub . (comment)+ .)) @function
(function_definition
  body: (block . (comment)* .
    (raise_statement . [(identifier) @_error (call function: (identifier) @_error)] .) @hole.stub .)
  (#eq? @_error "NotImplementedError")) @function
(function_definition
  body: (block . (comment)* .
    (raise_statement . [(identifier) @_error (call function: (identifier) @_error)] .) @hole.stub . (comment)+ .)
  (#eq? @_error "NotImplementedError")) @function

; the same after a docstring
(function_definition
  body: (block . (comment)* . (expression_statement (string)) . (comment)* .
    [(pass_statement) (expression_statement (ellipsis))] @hole.stub .)) @function
(function_definition
  body: (block . (comment)* . (expression_statement (string)) . (comment)* .
    [(pass_statement) (expression_statement (ellipsis))] @hole.stub . (comment)+ .)) @function
(function_definition
  body: (block . (comment)* . (expression_statement (string)) . (comment)* .
    (raise_statement . [(identifier) @_error (call function: (identifier) @_error)] .) @hole.stub .)
  (#eq? @_error "NotImplementedError")) @function
(function_definition
  body: (block . (comment)* . (expression_statement (string)) . (comment)* .
    (raise_statement . [(identifier) @_error (call function: (identifier) @_error)] .) @hole.stub . (comment)+ .)
  (#eq? @_error "NotImplementedError")) @function

; overloads, abstract methods and protocols
(decorated_definition
  (decorator) @_how
  definition: (function_definition) @hole.none
  (#match? @_how "(abstract|overload)"))
(class_definition
  superclasses: (argument_list (_) @_base)
  body: (block) @hole.none
  (#match? @_base "^(typing\\.|typing_extensions\\.)?Protocol\\b"))
