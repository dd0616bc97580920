//! What a Modbus client may send to a server of ours.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use tidegate::{
    adapter::{
        modbus::{
            frame::mbap,
            image::{Content, Image, Known},
            pdu::Request,
        },
        registry,
    },
    config::{self, report::Problems},
    model::{Point, Reading, Timestamp, Value},
};

/// Points of many types, shown here and there.
const SITE: &str = "
[[adapter]]
name = 'a'
kind = 'modbus'
link = 'tcp://h'
[[device]]
id = 'd'
adapter = 'a'
address = { unit = 1 }
point = [
  { name = 'f', register = 'holding:0', type = 'f32', access = 'rw' },
  { name = 'i', register = 'holding:2', type = 'i64', access = 'rw' },
  { name = 'b', register = 'coil:0', type = 'bool', access = 'rw' },
  { name = 't', register = 'holding:8', type = 'string:9', access = 'rw' },
]
[[republish]]
name = 's'
listen = '127.0.0.1:1502'
allow = ['127.0.0.1']
fill = true
point = [
  { source = 'd/f', register = 'holding:0', type = 'f32', order = 'CDAB', age = 'input:9', quality = 'coil:9' },
  { source = 'd/f', register = 'holding:2', type = 'i16', scale = 0.1, offset = -40 },
  { source = 'd/i', register = 'holding:3', type = 'bcd32' },
  { source = 'd/i', register = 'holding:5', type = 'u64', order = 'BADC' },
  { source = 'd/b', register = 'coil:3', type = 'bool' },
  { source = 'd/b', register = 'holding:9', type = 'u16' },
  { source = 'd/t', register = 'holding:10', type = 'string:9' },
  { source = 'd/i', register = 'holding:65535', type = 'i16' },
]
";

/// The image and the points behind it.
static SHOWN: LazyLock<(Image, Vec<Arc<Point>>)> = LazyLock::new(|| {
    let mut draft = config::read_text("fuzz.toml".as_ref(), SITE);
    let adapters = registry::plan(&mut draft);
    let devices = adapters.iter().flat_map(|adapter| adapter.devices());
    let points: Vec<_> = devices.flat_map(|device| device.points).collect();
    let config = draft.finish().unwrap().config;
    let known = Known::new(&points, &[], false);
    (Image::plan(&config.republish[0], &known, &mut Problems::default()), points)
});

fuzz_target!(|bytes: &[u8]| {
    let (image, points) = &*SHOWN;
    let Some((number, bytes)) = bytes.split_at_checked(8) else { return };
    let number = f64::from_be_bytes(number.try_into().unwrap());
    let value = Value::finite(number).unwrap_or(Value::Bool(true));
    let last = |address: &_| {
        let point = points.iter().find(|point| point.address == *address)?;
        Some(Reading::good(Arc::clone(point), value.clone(), Timestamp::default()))
    };
    let mut rest = bytes;
    while let Ok(Some((frame, used))) = mbap::decode(rest) {
        match Request::decode(frame.pdu) {
            Ok(Request::Read { table, start, count }) => {
                if let Ok(read) = image.read((table, start, count), Timestamp::default(), last) {
                    let length = match read.content {
                        Content::Bits(bits) => bits.len(),
                        Content::Words(words) => words.len(),
                    };
                    assert_eq!(length, usize::from(count));
                }
            }
            Ok(request) => {
                let _ = image.write(&request);
            }
            Err(_) => {}
        }
        rest = &rest[used..];
    }
});
