//! Blocks for tests that care for their order and not for what is in them.

use std::{sync::Arc, time::Duration};

use crate::model::{
    Block, BlockBody, BlockId, BootId, ClockQuality, DeviceId, Point, PointName, PointType, Reading, Stream,
    Timestamp, Value,
};

/// A block with one reading; its place is also its number and its value.
pub fn readings(id: u64) -> Arc<Block> {
    let device = DeviceId::new("meter-1").expect("a slug");
    let name = PointName::new("count").expect("a slug");
    let point = Arc::new(Point::new(device, name, PointType::Int, None));
    let reading = Reading::good(point, Value::from_u64(id), Timestamp::default());
    Arc::new(Block {
        id: BlockId(id),
        gateway: "plant-7".into(),
        store: "6f2c".into(),
        epoch: 42,
        stream: Stream::Data,
        seq: id,
        clock: ClockQuality::Ntp,
        boot: BootId::new("b"),
        uptime: Duration::ZERO,
        body: BlockBody::Readings([reading].into()),
    })
}
