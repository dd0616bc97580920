//! What a person is asked, in the order in which it is known: who, whither, and what is plugged in.

use std::{io::BufRead, path::PathBuf};

use super::{
    super::{context::Context, error::CliError},
    answers::{Answers, Device, Gateway, Modbus, Password, Uplink, Zigbee},
    ask::Asker,
};
use crate::{
    config,
    host::{
        Root, bluetooth,
        serial::{self, SerialPort},
    },
    model::DeviceId,
};

/// A port that is used by nobody: the answer to most questions about ports.
const UNUSED: &str = "no";

/// Asks everything.
pub(super) fn hold(asker: &mut Asker<impl BufRead>, context: &mut Context, root: &Root) -> Result<Answers, CliError> {
    context.print("An empty answer takes what is in brackets.\n")?;
    let mut answers =
        Answers { gateway: gateway(asker, context)?, uplink: uplink(asker, context)?, ..Answers::default() };
    for port in serial::ports(root) {
        use_port(asker, context, &port, &mut answers)?;
    }
    let host = asker.text(
        context,
        "Host of a device or gateway with Modbus TCP, with :PORT unless 502; empty for none",
        "",
    )?;
    if !host.is_empty() {
        let link = format!("tcp://{host}");
        let name = format!("modbus-{}", answers.modbus.len() + 1);
        answers.modbus.extend(modbus(asker, context, name, link)?);
    }
    let radios = bluetooth::radios(root);
    if !radios.is_empty() {
        let names: Vec<_> = radios.into_iter().map(|radio| radio.name).collect();
        let question = format!("Read the Bluetooth sensors in reach of {}?", names.join(", "));
        answers.bluetooth = asker.yes_or_no(context, &question, false)?;
    }
    Ok(answers)
}

/// Who the gateway is.
fn gateway(asker: &mut Asker<impl BufRead>, context: &mut Context) -> Result<Gateway, CliError> {
    let known = config::read(context.config()).gateway().clone();
    let mut ask = |question: &str, known: &str| {
        let answer = asker.parsed(context, question, known, slug)?;
        // What is so anyway is not written down.
        Ok::<_, CliError>((answer != known).then_some(answer))
    };
    Ok(Gateway { id: ask("Name of this gateway", &known.id)?, site: ask("Name of its site", &known.site)? })
}

/// Where readings go.
fn uplink(asker: &mut Asker<impl BufRead>, context: &mut Context) -> Result<Option<Uplink>, CliError> {
    let host = asker.text(context, "Host of the MQTT broker; empty for none", "")?;
    if host.is_empty() {
        return Ok(None);
    }
    let tls = asker.yes_or_no(context, "Is it reached by TLS?", true)?;
    let port = asker.parsed(context, "Port", if tls { "8883" } else { "1883" }, |text| {
        text.parse::<u16>().map_err(|_| "a number from 1 to 65535".to_owned())
    })?;
    let ca = if tls {
        asker.text(context, "File with its root certificate; empty for those of the system", "")?
    } else {
        String::new()
    };
    let username = asker.text(context, "User name; empty for no login", "")?;
    let password = if username.is_empty() { String::new() } else { asker.secret(context, "Password")? };
    let given = |text: String| (!text.is_empty()).then_some(text);
    Ok(Some(Uplink {
        name: "cloud".to_owned(),
        host,
        port: Some(port),
        tls,
        ca: given(ca).map(PathBuf::from),
        username: given(username),
        password: given(password).map(Password),
    }))
}

/// What is on a serial port.
fn use_port(
    asker: &mut Asker<impl BufRead>,
    context: &mut Context,
    port: &SerialPort,
    answers: &mut Answers,
) -> Result<(), CliError> {
    let path = port.best_name().display();
    let product = port.product.as_deref().or(port.driver.as_deref()).unwrap_or("serial port");
    let question = format!("{path} ({product}): modbus, zigbee or no");
    let kinds = ["modbus", "zigbee", UNUSED];
    let kind = asker.parsed(context, &question, UNUSED, |text| {
        kinds.into_iter().find(|kind| *kind == text).ok_or_else(|| kinds.join(", "))
    })?;
    match kind {
        "zigbee" => {
            let name = format!("zigbee-{}", answers.zigbee.len() + 1);
            let link = format!("serial://{path}");
            offer(asker, context, "Ask what coordinator it is?", &["zigbee", "probe", &link])?;
            let form = asker.yes_or_no(context, "Make a network if it holds none?", true)?;
            answers.zigbee.push(Zigbee { name, link, form });
        }
        "modbus" => {
            let baud = asker.parsed(context, "Speed in baud", "9600", |text| {
                text.parse::<u32>().map_err(|_| "a number".to_owned())
            })?;
            let parities = ["none", "even", "odd"];
            let parity = asker.parsed(context, "Parity: none, even or odd", "none", |text| {
                parities.into_iter().find(|parity| *parity == text).ok_or_else(|| parities.join(", "))
            })?;
            let link = format!("rtu://{path}?baud={baud}&parity={parity}");
            let name = format!("modbus-{}", answers.modbus.len() + 1);
            answers.modbus.extend(modbus(asker, context, name, link)?);
        }
        _ => {}
    }
    Ok(())
}

/// What is on a Modbus link; nothing when no profile is known for it.
fn modbus(
    asker: &mut Asker<impl BufRead>,
    context: &mut Context,
    name: String,
    link: String,
) -> Result<Option<Modbus>, CliError> {
    offer(asker, context, "Look for units on it?", &["modbus", "scan", &link, "--units", "1-16"])?;
    let mut device = Vec::new();
    loop {
        let question = "Profile of a device on it (tidegate profile list shows them); empty for no further one";
        let profile = asker.text(context, question, "")?;
        if profile.is_empty() {
            break;
        }
        let unit = asker.parsed(context, "Its unit id", "1", |text| {
            text.parse::<u8>().map_err(|_| "a number up to 247".to_owned())
        })?;
        let id = asker.parsed(context, "Its name", &format!("{name}-{unit}"), slug)?;
        device.push(Device { id, unit, profile });
    }
    if device.is_empty() {
        context
            .print("Nothing is written for it: /usr/share/doc/tidegate/modbus.md shows how to write a device.\n")?;
        return Ok(None);
    }
    Ok(Some(Modbus { name, link, device }))
}

/// Runs one of our own commands, if it is wanted. That it finds nothing ends nothing.
fn offer(
    asker: &mut Asker<impl BufRead>,
    context: &mut Context,
    question: &str,
    command: &[&str],
) -> Result<(), CliError> {
    if asker.yes_or_no(context, question, true)?
        && let Err(error) = super::super::run_also(command, context)
    {
        context.print(&format!("  {error}\n"))?;
    }
    Ok(())
}

/// A name that topics and rules can have.
fn slug(text: &str) -> Result<String, String> {
    DeviceId::new(text).map(|id| id.to_string()).map_err(|error| error.to_string())
}
