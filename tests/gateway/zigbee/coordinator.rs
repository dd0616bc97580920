//! The simulated coordinator on a thread of its own.

use std::{
    net::{Ipv4Addr, TcpListener},
    thread,
};

use tidegate::{
    adapter::zigbee::address::{Attribute, Cluster, Ieee},
    shutdown::StopSignal,
    testing::zigbee::{Device, Kind, Sim, Stick, serve},
};

/// A coordinator that listens.
pub(super) struct Coordinator {
    sim: Sim,
    port: u16,
    /// Ends it with the test.
    _stop: StopSignal,
}

impl Coordinator {
    /// One without a network, with these devices around.
    pub(super) fn start(kinds: &[Kind]) -> Self {
        let sim = Sim::new(kinds);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (signal, stop) = StopSignal::pair();
        let served = sim.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                serve(tokio::net::TcpListener::from_std(listener).unwrap(), served, stop).await;
            });
        });
        Self { sim, port, _stop: signal }
    }

    /// Where it listens.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// How many devices there are.
    pub(super) fn devices(&self) -> usize {
        self.with(|stick| stick.devices.len())
    }

    /// Looks at the stick or changes it.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut Stick) -> T) -> T {
        self.sim.with(change)
    }

    /// The address of a device.
    pub(super) fn ieee(number: u16) -> Ieee {
        Device::ieee_of(number)
    }

    /// The number an attribute of a device holds.
    pub(super) fn number(&self, device: u16, cluster: u16, attribute: u16) -> Option<i128> {
        self.with(|stick| {
            let device = stick.devices.iter().find(|found| found.ieee == Self::ieee(device))?;
            device.get(Cluster(cluster), Attribute(attribute))?.as_integer()
        })
    }
}
