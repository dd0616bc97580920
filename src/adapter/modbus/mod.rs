//! Modbus.

pub mod config;
mod parse;
pub mod section;

/// Stand-in until the adapter is merged.
#[derive(Debug)]
pub struct Modbus {
    /// What it is to do.
    pub config: config::Config,
}

impl Modbus {
    /// From its configuration.
    pub fn new(config: config::Config) -> Self {
        Self { config }
    }
}

impl super::Adapter for Modbus {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn kind(&self) -> &'static str {
        "modbus"
    }

    fn devices(&self) -> Vec<super::DeviceInfo> {
        Vec::new()
    }

    fn fingerprint(&self) -> String {
        format!("{:?}", self.config)
    }

    fn run(&self, _: super::AdapterContext) -> super::BoxFuture<'_, Result<(), super::AdapterError>> {
        Box::pin(async { Err(super::AdapterError::Closed) })
    }
}
