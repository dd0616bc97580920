//! `tidegate sim modbus`: units of device profiles with lifelike values.

use std::{collections::BTreeSet, fmt::Display, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};

use crate::{
    adapter::modbus::config::{Device, Link},
    cli::{
        context::{Context, block_on},
        error::CliError,
        modbus::told,
        profile::{Places, parse},
    },
    profile::{Library, ProfileName},
    shutdown::StopSignal,
    testing::{
        modbus_unit::{self, Bank, Chance},
        profiled,
        signals::Signals,
        sunspec,
    },
};

/// How finely time passes for the signals.
const STEP: Duration = Duration::from_millis(200);

/// Simulated Modbus units.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// A profile, as vendor/model; again for further units.
    #[arg(long = "profile", value_name = "NAME", required = true)]
    profiles: Vec<String>,
    /// Where to listen for Modbus/TCP; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5502")]
    tcp: SocketAddr,
    /// Serve on this serial port instead, in RTU: a device's path, with options as in a link if need be.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["tcp", "ascii"])]
    rtu: Option<String>,
    /// The same in ASCII.
    #[arg(long, value_name = "PATH", conflicts_with = "tcp")]
    ascii: Option<String>,
    /// Make a pseudo-terminal at the path of --rtu or --ascii instead of opening a device there.
    #[arg(long, conflicts_with = "tcp")]
    pty: bool,
    /// Speed of the serial port: 19200 unless something else is said.
    #[arg(long, value_name = "N", conflicts_with = "tcp")]
    baud: Option<u32>,
    /// Number of the first unit, further ones follow; by default the profile's own, else counted from 1.
    #[arg(long, value_name = "N")]
    unit: Option<u8>,
    /// A fault and the share of requests it spoils, such as silent:0.01; again for more of them.
    #[arg(long, value_name = "KIND:SHARE")]
    faults: Vec<Chance>,
    /// What the values and faults are drawn from; one seed gives one history. By default another one each time.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    places: Places,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let line = args.line()?;
    let names: Vec<_> = args.profiles.iter().map(|name| parse(name)).collect::<Result<_, _>>()?;
    let mut devices = devices(&names, args.unit, &mut args.places.library(context))?;
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    let bank = Arc::new(Bank::new(&devices.iter().map(|device| device.unit).collect::<Vec<_>>()));
    for device in &mut devices {
        sunspec::place(device, &bank);
    }
    bank.set_chances(args.faults.clone(), seed);
    let points = devices.iter().flat_map(|device| device.points.iter().map(|point| (device.unit, point.clone())));
    let mut signals = Signals::start(points, seed, &bank);
    let units = names.iter().zip(&devices).map(|(name, device)| format!("unit {} is {name}", device.unit));
    let units = units.collect::<Vec<_>>().join(", ");
    block_on(async {
        let mut ready = |place: &str| context.print(&format!("listening on {place}: {units}, seed {seed}\n"));
        let Some(line) = line else {
            let unusable = |error| CliError::Unavailable(format!("cannot listen on {}: {error}", args.tcp));
            let listener = TcpListener::bind(args.tcp).await.map_err(unusable)?;
            ready(&format!("tcp://{}", listener.local_addr()?))?;
            let (_signal, stop) = StopSignal::pair();
            let served = async {
                modbus_unit::serve(listener, Arc::clone(&bank), stop).await;
                Ok(())
            };
            return serve(served, &bank, &mut signals).await;
        };
        if args.pty {
            let terminal = line.make_terminal().map_err(|error| unusable(&line, &error))?;
            ready(&line.to_string())?;
            serve(on_line(terminal, &bank, &line), &bank, &mut signals).await
        } else {
            let port = line.open().await.map_err(|error| unusable(&line, &error))?;
            ready(&line.to_string())?;
            serve(on_line(port, &bank, &line), &bank, &mut signals).await
        }
    })
}

/// Answers on a serial line until it is gone.
async fn on_line(stream: impl AsyncRead + AsyncWrite + Unpin, bank: &Bank, line: &Link) -> Result<(), CliError> {
    let served = modbus_unit::serve_framed(stream, bank, line.framing()).await;
    served.map_err(|error| unusable(line, &error))
}

/// That a serial line cannot be served.
fn unusable(line: &Link, error: &dyn Display) -> CliError {
    CliError::Unavailable(format!("cannot serve on {line}: {error}"))
}

impl Args {
    /// The serial line to serve on, if it is one.
    fn line(&self) -> Result<Option<Link>, CliError> {
        let (scheme, path) = match (&self.rtu, &self.ascii, self.baud) {
            (Some(path), _, _) => ("rtu", path),
            (None, Some(path), _) => ("ascii", path),
            (None, None, None) if !self.pty => return Ok(None),
            (None, None, _) => {
                let text = "--baud and --pty are for a serial port (help: name one with --rtu or --ascii)";
                return Err(CliError::Usage(text.to_owned()));
            }
        };
        let link = format!("{scheme}://{path}").parse::<Link>();
        let link = link.and_then(|link| self.baud.map_or(Ok(link.clone()), |baud| link.at_baud(baud)));
        link.map(Some).map_err(|fault| CliError::Usage(told(&fault)))
    }
}

/// Serves and lets time pass until somebody ends it.
async fn serve(
    served: impl Future<Output = Result<(), CliError>>,
    bank: &Arc<Bank>,
    signals: &mut Signals,
) -> Result<(), CliError> {
    let pass = async {
        let mut steps = tokio::time::interval(STEP);
        loop {
            steps.tick().await;
            signals.step(STEP, bank);
        }
    };
    tokio::select! {
        ended = super::until_ended() => ended,
        ended = served => ended,
        () = pass => Ok(()),
    }
}

/// The units, each with a number of its own.
fn devices(names: &[ProfileName], first: Option<u8>, library: &mut Library) -> Result<Vec<Device>, CliError> {
    let mut numbered = Vec::new();
    for (index, name) in (0..).zip(names) {
        numbered.push((name, number(first, index, crate::cli::profile::load(library, name)?.has_address())?));
    }
    let link = "tcp://127.0.0.1:502";
    let devices =
        profiled::units(library, link, &numbered).map_err(|report| CliError::Report(report.to_string()))?.devices;
    let numbers: BTreeSet<u8> = devices.iter().map(|device| device.unit).collect();
    if numbers.len() < devices.len() {
        return Err(CliError::Usage(
            "two profiles want one unit number (help: give the first with --unit)".to_owned(),
        ));
    }
    Ok(devices)
}

/// The number of the unit at an index: counted from the first, or the profile's own.
fn number(first: Option<u8>, index: u8, has_own: bool) -> Result<Option<u8>, CliError> {
    match first {
        None if has_own => Ok(None),
        first => first.unwrap_or(1).checked_add(index).map(Some).ok_or_else(|| {
            CliError::Usage("unit numbers go to 255 (help: lower --unit, or name fewer profiles)".to_owned())
        }),
    }
}
