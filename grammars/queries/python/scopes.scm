; @scope  functions and classes
(function_definition) @scope
(class_definition) @scope
