//! What is said about firmware, and to sleepers that check in.

use tidegate::adapter::zigbee::{
    address::{Cluster, Manufacturer},
    ota::{
        CLUSTER,
        frames::{self, BlockRequest, NO_IMAGE, Request, command},
        image::{Image, Model, make},
    },
    zcl::{Direction, Frame, Header, Scope, Status},
};

use super::tshark::{Air, Tshark};

const MODEL: Model = Model { manufacturer: Manufacturer(0x1234), image_type: 0x0101 };

/// A command of a cluster.
fn air(cluster: Cluster, direction: Direction, number: u8, payload: &[u8]) -> Air {
    let header = Header { scope: Scope::Cluster, direction, ..Header::request(7, number) };
    Air::zcl(cluster, Frame { header, payload }.encode())
}

#[test]
fn what_is_said_about_firmware_is_whole_and_means_what_was_meant() {
    let Some(tshark) = Tshark::find() else { return };
    let image = Image::read(make(MODEL, 0x0a0b_0c0d, &[0x5a; 200])).unwrap();
    let wanted = BlockRequest { model: MODEL, version: 0x0a0b_0c0d, offset: 50, most: 50 };
    let end = frames::End { status: Status::SUCCESS, model: MODEL, version: 0x0a0b_0c0d };
    let server = |number, payload: &[u8]| air(CLUSTER, Direction::ToClient, number, payload);
    let client = |request: Request| {
        let (number, payload) = request.encode();
        air(CLUSTER, Direction::ToServer, number, &payload)
    };
    let all = [
        (server(command::NOTIFY, &frames::notify()), "Query Jitter: 100"),
        (server(command::QUERY_ANSWER, &frames::offer(&image.header)), "Image Size: 262 [Bytes]"),
        (server(command::QUERY_ANSWER, &[NO_IMAGE.0]), "No Image Available"),
        (server(command::BLOCK_ANSWER, &frames::block(&image, &wanted).unwrap()), "File Offset: 50"),
        (server(command::END_ANSWER, &frames::use_now(&end)), "File Version: 0x0a0b0c0d"),
        (client(Request::Block(wanted)), "Max Data Size: 50"),
        (client(Request::End(end)), "Command: Upgrade End Request (0x06)"),
    ];
    let (frames, words): (Vec<_>, Vec<_>) = all.into_iter().unzip();

    tshark.expect(&frames, &words);
}

#[test]
fn a_sleeper_that_checks_in_is_answered_as_was_meant() {
    let Some(tshark) = Tshark::find() else { return };
    let answer = air(Cluster(0x0020), Direction::ToServer, 0x00, &[1, 40, 0]);

    tshark.expect(&[answer], &["Fast Poll Timeout (quarterseconds): 40"]);
}
