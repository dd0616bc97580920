//! testing, see ARCHITECTURE.md.
