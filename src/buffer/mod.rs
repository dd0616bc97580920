//! buffer, see ARCHITECTURE.md.
