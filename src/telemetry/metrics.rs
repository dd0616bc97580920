//! The metric registry and its text form, OpenMetrics 1.0.0.

use prometheus_client::{encoding::text::encode, metrics::info::Info, registry::Registry};

/// A registry whose names begin with `tidegate_`, with the `tidegate_build_info` metric in it.
pub fn registry() -> Registry {
    let mut registry = Registry::with_prefix("tidegate");
    let labels = vec![("version", env!("CARGO_PKG_VERSION")), ("arch", std::env::consts::ARCH)];
    registry.register("build", "Version of the gateway", Info::new(labels));
    registry
}

/// Everything in the registry as OpenMetrics text.
pub fn text(registry: &Registry) -> String {
    let mut text = String::new();
    // Writing to a string fails only if a metric's own encoder does; what was written before it still helps.
    if let Err(error) = encode(&mut text, registry) {
        tracing::error!(%error, "Metrics could not be written in full");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_the_version_and_ends_as_the_format_wants() {
        let text = text(&registry());

        assert!(text.contains(&format!("tidegate_build_info{{version=\"{}\"", env!("CARGO_PKG_VERSION"))), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
