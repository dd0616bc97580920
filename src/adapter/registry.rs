//! The adapter kinds that are built in: a new adapter adds one line here.
