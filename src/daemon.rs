//! daemon, see ARCHITECTURE.md.
