; @hole.body  the braces of a body; a hole if nothing stands between them
; @hole.stub  statements that only say that the body is missing
; @function   what the hole is indented against
;
; Only the predicates eq?, not-eq?, match? and not-match? may be used.

(function_declaration body: (block "{" . "}") @hole.body) @function
(method_declaration body: (block "{" . "}") @hole.body) @function
(func_literal body: (block "{" . "}") @hole.body) @function

; panic("not implemented") and its like as the only statement
(function_declaration
  body: (block . (comment)* .
    (expression_statement
      (call_expression
        function: (identifier) @_panic
        arguments: (argument_list . [(interpreted_string_literal) (raw_string_literal)] @_why .))) @hole.stub
    . (comment)* . "}")
  (#eq? @_panic "panic")
  (#match? @_why "(?i)^.(.*: *)?(todo|fixme|not (yet )?implemented|unimplemented|implement me)\\b")) @function
(method_declaration
  body: (block . (comment)* .
    (expression_statement
      (call_expression
        function: (identifier) @_panic
        arguments: (argument_list . [(interpreted_string_literal) (raw_string_literal)] @_why .))) @hole.stub
    . (comment)* . "}")
  (#eq? @_panic "panic")
  (#match? @_why "(?i)^.(.*: *)?(todo|fixme|not (yet )?implemented|unimplemented|implement me)\\b")) @function
(func_literal
  body: (block . (comment)* .
    (expression_statement
      (call_expression
        function: (identifier) @_panic
        arguments: (argument_list . [(interpreted_string_literal) (raw_string_literal)] @_why .))) @hole.stub
    . (comment)* . "}")
  (#eq? @_panic "panic")
  (#match? @_why "(?i)^.(.*: *)?(todo|fixme|not (yet )?implemented|unimplemented|implement me)\\b")) @function

; a TODO comment and nothing else
(function_declaration
  body: (block . (comment) @hole.stub @_todo . (comment)* @hole.stub . "}")
  (#match? @_todo "^(//|/\\*)\\s*(TODO|FIXME)\\b")) @function
(method_declaration
  body: (block . (comment) @hole.stub @_todo . (comment)* @hole.stub . "}")
  (#match? @_todo "^(//|/\\*)\\s*(TODO|FIXME)\\b")) @function
(func_literal
  body: (block . (comment) @hole.stub @_todo . (comment)* @hole.stub . "}")
  (#match? @_todo "^(//|/\\*)\\s*(TODO|FIXME)\\b")) @function
