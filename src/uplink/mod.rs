//! uplink, see ARCHITECTURE.md.
