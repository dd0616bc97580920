//! Links as they are written: `tcp://host:port`, `rtu:///dev/ttyUSB0?baud=9600`.

use std::{fmt, str::FromStr};

use crate::{
    adapter::{
        modbus::{config::Link, frame::Mode},
        serial::{DataBits, Defaults, Parity, Port},
    },
    config::{Fault, host_port, report::suggest},
};

/// The TCP port of Modbus (MODBUS Messaging on TCP/IP 1.0b, 4.3.1).
const PORT: u16 = 502;

/// The TCP port of Modbus with TLS (MODBUS/TCP Security 2.1, 6.1).
const SECURE_PORT: u16 = 802;

/// The schemes there are.
const SCHEMES: [&str; 6] = ["tcp", "tls", "rtu", "rtu+tcp", "ascii", "ascii+tcp"];

/// What a link looks like, for messages.
pub(in crate::adapter::modbus) const FORM: &str = "tcp://host:port, rtu:///dev/…?baud=19200&parity=even, \
                                                   rtu+tcp://host:port, ascii:///dev/…, ascii+tcp://host:port or \
                                                   tls://host:port";

impl FromStr for Link {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let no_link = || Fault::new(format!("{text:?} is no link")).help(format!("write {FORM}"));
        let (scheme, rest) = text.split_once("://").ok_or_else(no_link)?;
        match scheme {
            "tcp" => address(scheme, rest, PORT).map(|(host, port)| Self::Tcp { host, port }),
            "tls" => address(scheme, rest, SECURE_PORT).map(|(host, port)| Self::Tls { host, port }),
            "rtu+tcp" => gateway(Mode::Rtu, scheme, rest),
            "ascii+tcp" => gateway(Mode::Ascii, scheme, rest),
            "rtu" => serial(Mode::Rtu, rest),
            "ascii" => serial(Mode::Ascii, rest),
            _ => {
                let help = suggest(scheme, SCHEMES);
                Err(Fault::new(format!("unknown link scheme {scheme:?}")).help(help))
            }
        }
    }
}

/// A line behind a TCP connection.
fn gateway(mode: Mode, scheme: &str, rest: &str) -> Result<Link, Fault> {
    address(scheme, rest, PORT).map(|(host, port)| Link::Gateway { mode, host, port })
}

/// A host and a port, and nothing else.
fn address(scheme: &str, rest: &str, default_port: u16) -> Result<(String, u16), Fault> {
    if let Some((_, options)) = rest.split_once('?') {
        let name = options.split(['=', '&']).next().unwrap_or(options);
        let fault = Fault::new(format!("unknown link option {name:?}"));
        return Err(fault.help(format!("{scheme}:// has no options")));
    }
    host_port(rest, default_port)
}

/// A serial port. What is not said is as the specification has it: 19200 baud and even parity (MODBUS over serial line
/// 1.02, 2.5.1 and 3.2), with seven bits in ASCII (2.5.2).
fn serial(mode: Mode, rest: &str) -> Result<Link, Fault> {
    let data = match mode {
        Mode::Rtu => DataBits::Eight,
        Mode::Ascii => DataBits::Seven,
    };
    let port = Port::parse(rest, Defaults { baud: 19_200, data, parity: Parity::Even, stop: None })?;
    if mode == Mode::Rtu && port.data != DataBits::Eight {
        return Err(Fault::new("RTU has 8 data bits").help("leave data out, or use ascii://"));
    }
    Ok(Link::Serial { mode, port })
}

/// As it is configured, without options.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write_address(f, "tcp", host, *port),
            Self::Tls { host, port } => write_address(f, "tls", host, *port),
            Self::Gateway { mode: Mode::Rtu, host, port } => write_address(f, "rtu+tcp", host, *port),
            Self::Gateway { mode: Mode::Ascii, host, port } => write_address(f, "ascii+tcp", host, *port),
            Self::Serial { mode: Mode::Rtu, port } => write!(f, "rtu://{}", port.path.display()),
            Self::Serial { mode: Mode::Ascii, port } => write!(f, "ascii://{}", port.path.display()),
        }
    }
}

/// An address; IPv6 has brackets.
fn write_address(f: &mut fmt::Formatter<'_>, scheme: &str, host: &str, port: u16) -> fmt::Result {
    if host.contains(':') { write!(f, "{scheme}://[{host}]:{port}") } else { write!(f, "{scheme}://{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> String {
        let fault = text.parse::<Link>().unwrap_err();
        format!("{} ({})", fault.message, fault.help.unwrap_or_default())
    }

    #[test]
    fn a_link_prints_as_it_is_configured() {
        for text in [
            "tcp://plc.example:502",
            "tcp://[fe80::1]:502",
            "tls://10.0.0.1:802",
            "rtu+tcp://gw:4001",
            "ascii+tcp://gw:4001",
            "rtu:///dev/serial/by-id/usb-FTDI_FT232R-if00-port0",
            "ascii:///dev/ttyS1",
        ] {
            assert_eq!(text.parse::<Link>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn ports_are_those_of_the_specifications() {
        assert_eq!("tcp://plc".parse(), Ok(Link::Tcp { host: "plc".into(), port: 502 }));
        assert_eq!("tls://plc".parse(), Ok(Link::Tls { host: "plc".into(), port: 802 }));
        let Ok(Link::Serial { port, .. }) = "rtu:///dev/ttyS0".parse() else { panic!("a serial link") };
        assert_eq!(port.settings(), "19200 baud, 8 data bits, even parity, 1 stop bit");
        let Ok(Link::Serial { port, .. }) = "ascii:///dev/ttyS0?baud=9600".parse() else { panic!("a serial link") };
        assert_eq!(port.settings(), "9600 baud, 7 data bits, even parity, 1 stop bit");
    }

    #[test]
    fn what_is_no_link_is_refused_with_the_nearest_that_is_one() {
        assert_eq!(refused("tcp://a?baud=9600"), "unknown link option \"baud\" (tcp:// has no options)");
        assert_eq!(refused("rtu:///dev/ttyS0?baut=9600"), "unknown link option \"baut\" (did you mean \"baud\"?)");
        assert_eq!(refused("rut:///dev/ttyS0"), "unknown link scheme \"rut\" (did you mean \"rtu\"?)");
        assert!(refused("plc:502").starts_with("\"plc:502\" is no link"));
        assert!(refused("rtu:///dev/ttyS0?data=7").starts_with("RTU has 8 data bits"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(tcp|rtu|ascii[+]tcp|tls)://\\PC{0,20}|rtu:///dev/x[?](baud|stop|rs485)=[0-9a-z&=]{0,9}") {
            let _ = text.parse::<Link>();
        }
    }
}
