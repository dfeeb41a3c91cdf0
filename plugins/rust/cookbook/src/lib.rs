//! Nothing: the cookbook's plugins are the files of `examples/`, each a module of its own.
#![forbid(unsafe_code)]
