//! The serial ports of the machine, with the names that last and what is plugged in.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{
    processes::{self, Process},
    root::Root,
};

/// Where udev keeps names that last: by the adapter's serial number, then by the socket it is in.
const LASTING: [&str; 2] = ["/dev/serial/by-id", "/dev/serial/by-path"];

/// A serial port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SerialPort {
    /// Its device: `/dev/ttyUSB0`.
    pub path: PathBuf,
    /// The name that stays with the adapter or with its socket.
    pub lasting: Option<PathBuf>,
    /// The kernel's driver.
    pub driver: Option<String>,
    /// USB vendor and product: `10c4:ea60`.
    pub usb: Option<String>,
    /// What the adapter calls itself.
    pub product: Option<String>,
    /// Who has it open, as far as we may see.
    pub holders: Vec<Process>,
}

impl SerialPort {
    /// The name to write into a configuration.
    pub fn best_name(&self) -> &Path {
        self.lasting.as_ref().unwrap_or(&self.path)
    }
}

/// Every port behind which there is hardware.
pub fn ports(root: &Root) -> Vec<SerialPort> {
    let names = root.names("/sys/class/tty").into_iter().filter(|name| is_real(root, name));
    names.map(|name| describe(root, &name)).collect()
}

/// Terminals and consoles have no device; places for PC ports that the machine does not have are of type 0.
fn is_real(root: &Root, name: &str) -> bool {
    let folder = format!("/sys/class/tty/{name}");
    root.has(format!("{folder}/device")) && root.number(format!("{folder}/type")) != Some(0)
}

/// What is known of a port.
fn describe(root: &Root, name: &str) -> SerialPort {
    let device = format!("/sys/class/tty/{name}/device");
    let path = Path::new("/dev").join(name);
    let above = root.ancestors(&device);
    let usb = above.iter().find(|folder| root.has(folder.join("idVendor")));
    let text = |file: &str| usb.and_then(|folder| root.text(folder.join(file)));
    SerialPort {
        lasting: lasting(root, name),
        driver: root.target(format!("{device}/driver")),
        usb: text("idVendor").zip(text("idProduct")).map(|(vendor, product)| format!("{vendor}:{product}")),
        product: text("product"),
        holders: processes::holders(root, &path),
        path,
    }
}

/// The link of udev that points to a port.
fn lasting(root: &Root, name: &str) -> Option<PathBuf> {
    LASTING.iter().find_map(|folder| {
        let links = root.names(folder).into_iter().map(|link| Path::new(folder).join(link));
        links.into_iter().find(|link| root.target(link).as_deref() == Some(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::root::fake;

    #[test]
    fn a_usb_adapter_has_a_lasting_name_and_says_what_it_is() {
        let (_folder, root) = fake(&[
            ("/sys/devices/usb1/1-1/idVendor", "10c4\n"),
            ("/sys/devices/usb1/1-1/idProduct", "ea60\n"),
            ("/sys/devices/usb1/1-1/product", "CP2102N\n"),
            ("/sys/devices/usb1/1-1/1-1:1.0/ttyUSB0/driver", "-> ../../../../../bus/usb-serial/drivers/cp210x"),
            ("/sys/class/tty/ttyUSB0/device", "-> ../../../devices/usb1/1-1/1-1:1.0/ttyUSB0"),
            ("/sys/class/tty/ttyS0/device/driver", "-> /sys/bus/platform/drivers/serial8250"),
            ("/sys/class/tty/ttyS0/type", "4\n"),
            ("/sys/class/tty/ttyS1/device/x", ""),
            ("/sys/class/tty/ttyS1/type", "0\n"),
            ("/sys/class/tty/tty1/dev", "4:1\n"),
            ("/dev/serial/by-id/usb-CP2102N-if00", "-> ../../ttyUSB0"),
        ]);

        let found = ports(&root);

        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!((found[0].best_name(), found[0].driver.as_deref()), (Path::new("/dev/ttyS0"), Some("serial8250")));
        let usb = SerialPort {
            path: "/dev/ttyUSB0".into(),
            lasting: Some("/dev/serial/by-id/usb-CP2102N-if00".into()),
            driver: Some("cp210x".into()),
            usb: Some("10c4:ea60".into()),
            product: Some("CP2102N".into()),
            holders: Vec::new(),
        };
        assert_eq!(found[1], usb);
    }

    #[test]
    fn a_machine_without_ports_has_none() {
        assert!(ports(&Root::at("/nonexistent")).is_empty());
    }
}
