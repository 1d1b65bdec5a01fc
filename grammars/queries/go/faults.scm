; @fault.empty  a node that must not be empty. Go's grammar makes none that is.
