//! rules, see ARCHITECTURE.md.
