//! command, see ARCHITECTURE.md.
