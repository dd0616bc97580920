//! cli, see ARCHITECTURE.md.
