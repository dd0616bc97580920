//! host, see ARCHITECTURE.md.
