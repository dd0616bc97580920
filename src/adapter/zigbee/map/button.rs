//! What a remote control sends, as events of a button: the commands it would give to a lamp, a blind or a panel.

use super::Finding;
use crate::{
    adapter::zigbee::address::Cluster,
    model::{Quantity, Value},
};

/// Clusters whose commands people press.
pub(in crate::adapter::zigbee) const CLUSTERS: [Cluster; 6] =
    [Cluster(0x0005), Cluster(0x0006), Cluster(0x0008), Cluster(0x0102), Cluster(0x0300), Cluster(0x0501)];

/// The event of a command, if it is one that people press.
pub fn finding(cluster: Cluster, command: u8, payload: &[u8]) -> Option<Finding> {
    let event = event(cluster, command, payload)?;
    Some(Finding { quantity: Quantity::Button, nth: 1, value: Ok(Value::Text(event.into())) })
}

/// The event in a word.
fn event(cluster: Cluster, command: u8, payload: &[u8]) -> Option<String> {
    let word = match cluster.0 {
        0x0005 => return scene(command, payload),
        0x0006 => switch(command, payload)?,
        0x0008 => level(command, payload)?,
        0x0102 => covering(command)?,
        0x0300 => color(command, payload)?,
        0x0501 => panel(command, payload)?,
        _ => return None,
    };
    Some(word.to_owned())
}

/// Scenes: recall and store (ZCL, 3.7.2.3).
fn scene(command: u8, payload: &[u8]) -> Option<String> {
    let word = match command {
        0x04 => "store",
        0x05 => "recall",
        _ => return None,
    };
    payload.get(2).map(|scene| format!("{word}_{scene}"))
}

/// On/off (ZCL, 3.8.2.3); 0xfd is how buttons of Tuya say that they were pressed, in a number of the reserved ones.
fn switch(command: u8, payload: &[u8]) -> Option<&'static str> {
    match (command, payload.first()) {
        (0x00 | 0x40, _) => Some("off"),
        (0x01 | 0x41 | 0x42, _) => Some("on"),
        (0x02, _) => Some("toggle"),
        (0xfd, Some(0)) => Some("press"),
        (0xfd, Some(1)) => Some("double_press"),
        (0xfd, Some(2)) => Some("long_press"),
        _ => None,
    }
}

/// Level control (ZCL, 3.10.2.3); those from 4 on are the same, with on and off.
fn level(command: u8, payload: &[u8]) -> Option<&'static str> {
    match (command, payload.first()) {
        (0x00 | 0x04, Some(_)) => Some("move_to_level"),
        (0x01 | 0x05, Some(0)) => Some("move_up"),
        (0x01 | 0x05, Some(1)) => Some("move_down"),
        (0x02 | 0x06, Some(0)) => Some("step_up"),
        (0x02 | 0x06, Some(1)) => Some("step_down"),
        (0x03 | 0x07, _) => Some("stop"),
        _ => None,
    }
}

/// Window covering (ZCL, 7.4.2.2).
fn covering(command: u8) -> Option<&'static str> {
    match command {
        0x00 => Some("open"),
        0x01 => Some("close"),
        0x02 => Some("stop"),
        0x04 | 0x05 => Some("move_to_position"),
        0x07 | 0x08 => Some("tilt_to_position"),
        _ => None,
    }
}

/// Colour control (ZCL, 5.2.2.3); 1 is up and 3 is down.
fn color(command: u8, payload: &[u8]) -> Option<&'static str> {
    match (command, payload.first()) {
        (0x06 | 0x07, Some(_)) => Some("move_to_color"),
        (0x0a, Some(_)) => Some("move_to_color_temp"),
        (0x4b, Some(1)) => Some("color_temp_move_up"),
        (0x4b, Some(3)) => Some("color_temp_move_down"),
        (0x4b, Some(0)) | (0x47, _) => Some("color_stop"),
        (0x4c, Some(1)) => Some("color_temp_step_up"),
        (0x4c, Some(3)) => Some("color_temp_step_down"),
        _ => None,
    }
}

/// The panel of an alarm system (ZCL, 8.3.2.3).
fn panel(command: u8, payload: &[u8]) -> Option<&'static str> {
    match (command, payload.first()) {
        (0x00, Some(0)) => Some("disarm"),
        (0x00, Some(1)) => Some("arm_day"),
        (0x00, Some(2)) => Some("arm_night"),
        (0x00, Some(3)) => Some("arm_all"),
        (0x02, _) => Some("emergency"),
        (0x03, _) => Some("fire"),
        (0x04, _) => Some("panic"),
        _ => None,
    }
}
