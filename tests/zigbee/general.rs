//! The general commands, in both directions. Four of them this dissector knows by number only.

use tidegate::adapter::zigbee::{
    address::{Attribute, Manufacturer},
    zcl::{
        Direction, General, Header, Kind, Status, Value,
        general::{
            Assignment, AttributeAccess, AttributeInfo, CommandSpan, Found, Outcome, ReadOutcome, ReadRecord,
            Reporting, ReportingFound, ReportingRecord, ReportingWanted, Span, WriteRecord,
        },
    },
};

use super::{air, tshark::Tshark};

const TEMPERATURE: u16 = 0x0402;
const MEASURED: Attribute = Attribute(0);

fn temperature(hundredths: i64) -> Value {
    Value::signed(Kind::Int16, hundredths).unwrap()
}

fn reporting() -> Reporting {
    Reporting::Send {
        attribute: MEASURED,
        kind: Kind::Int16,
        least_s: 10,
        most_s: 3600,
        change: Some(temperature(50)),
    }
}

/// Requests and the words tshark has for what is in them.
fn requests() -> Vec<(General, &'static str)> {
    let wanted = ReportingWanted { direction: 0, attribute: MEASURED };
    let span = || Span { start: MEASURED, count: 20 };
    let commands = || CommandSpan { start: 0, count: 20 };
    let assignment = || vec![Assignment::new(Attribute(0x0010), temperature(1))];
    vec![
        (General::Read(vec![MEASURED, Attribute(3)]), "Attribute: Measured Value (0x0000)"),
        (General::Write(assignment()), "Command: Write Attributes (0x02)"),
        (General::WriteUndivided(assignment()), "Command: Write Attributes Undivided (0x03)"),
        (General::WriteNoResponse(assignment()), "Command: Write Attributes No Response (0x05)"),
        (General::ConfigureReporting(vec![reporting()]), "Maximum Interval: 3600"),
        (
            General::ConfigureReporting(vec![Reporting::Receive { attribute: MEASURED, timeout_s: 600 }]),
            "Timeout: 600",
        ),
        (General::ReadReporting(vec![wanted]), "Command: Read Reporting Configuration (0x08)"),
        (General::Discover(span()), "Maximum Number: 20"),
        (General::DiscoverReceived(commands()), "Command: Discover Commands Received, Seq: 7"),
        (General::DiscoverGenerated(commands()), "Command: Unknown (0x13)"),
        (General::DiscoverExtended(span()), "Command: Unknown (0x15)"),
    ]
}

/// Answers, as the simulated devices give them.
fn answers() -> Vec<(General, &'static str)> {
    let wanted = || ReportingWanted { direction: 0, attribute: MEASURED };
    let value = ReadRecord { attribute: MEASURED, found: ReadOutcome::Value(temperature(-512)) };
    let none = ReadRecord { attribute: Attribute(0x4000), found: ReadOutcome::Status(Status::UNSUPPORTED_ATTRIBUTE) };
    let info = AttributeInfo { attribute: MEASURED, kind: Kind::Int16.number() };
    let access = AttributeAccess { attribute: MEASURED, kind: Kind::Int16.number(), access: 5 };
    let reported = ReportingFound { status: Status::SUCCESS, wanted: wanted(), reporting: Some(reporting()) };
    let outcome = Outcome { command: 1, status: Status::UNSUPPORTED_COMMAND };
    let refused = WriteRecord { status: Status::READ_ONLY, attribute: Some(MEASURED) };
    let unreportable = ReportingRecord { status: Status::UNREPORTABLE, attribute: Some(wanted()) };
    let commands = || Found { is_complete: true, found: vec![0, 1, 2] };
    vec![
        (General::ReadResponse(vec![value, none]), "Measured Value: -5.12 [\u{b0}C]"),
        (General::WriteResponse(vec![WriteRecord { status: Status::SUCCESS, attribute: None }]), "Status: Success"),
        (General::WriteResponse(vec![refused]), "Status: Read Only (0x88)"),
        (
            General::ConfigureReportingResponse(vec![ReportingRecord { status: Status::SUCCESS, attribute: None }]),
            "Status: Success",
        ),
        (General::ConfigureReportingResponse(vec![unreportable]), "Status: Unreportable Attribute (0x8c)"),
        (General::ReadReportingResponse(vec![reported]), "Minimum Interval: 10"),
        (General::Report(vec![Assignment::new(MEASURED, temperature(-512))]), "Measured Value: -5.12 [\u{b0}C]"),
        (General::DefaultResponse(outcome), "Status: Unsupported Cluster Command (0x81)"),
        (General::DiscoverResponse(Found { is_complete: true, found: vec![info] }), "16-Bit Signed Integer (0x29)"),
        (General::DiscoverReceivedResponse(commands()), "Command: Discover Commands Received Response, Seq: 7"),
        (General::DiscoverGeneratedResponse(commands()), "Command: Unknown (0x14)"),
        (
            General::DiscoverExtendedResponse(Found { is_complete: true, found: vec![access] }),
            "Command: Unknown (0x16)",
        ),
    ]
}

#[test]
fn every_general_command_is_whole_and_means_what_was_meant() {
    let Some(tshark) = Tshark::find() else { return };
    let to_server = Header::request(7, 0);
    let to_client = Header { direction: Direction::ToClient, ..to_server };
    let sent = requests().into_iter().map(|(general, words)| (air(TEMPERATURE, &general, to_server), words));
    let answered = answers().into_iter().map(|(general, words)| (air(TEMPERATURE, &general, to_client), words));

    let (frames, words): (Vec<_>, Vec<_>) = sent.chain(answered).unzip();

    tshark.expect(&frames, &words);
}

#[test]
fn a_makers_frame_names_the_maker() {
    let Some(tshark) = Tshark::find() else { return };
    let header = Header { manufacturer: Some(Manufacturer(0x115f)), ..Header::request(7, 0) };

    tshark.expect(
        &[air(0xfcc0, &General::Read(vec![Attribute(0x00f7)]), header)],
        &["Lumi United Techology, Ltd Shenzhen (0x115f)"],
    );
}
