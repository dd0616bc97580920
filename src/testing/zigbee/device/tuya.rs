//! Data points of a device of Tuya: reported, set, and the questions that it asks.

use super::{Device, Heard};
use crate::adapter::zigbee::{
    tuya::{self, Data, Record},
    zcl::{Direction, Frame, Header, Scope},
};

/// The command by which it tells what it has.
const REPORT: u8 = 0x02;

impl Device {
    /// What a data point holds.
    pub fn data_point(&self, dp: u8) -> Option<&Record> {
        self.data_points.get(&dp)
    }

    /// A data point changes, and is reported: what a device of Tuya says, it says unasked.
    pub fn set_data_point(&mut self, record: Record) -> ((), Vec<Heard>) {
        self.data_points.insert(record.dp, record.clone());
        ((), vec![self.tell_data(vec![record])])
    }

    /// Asks what time it is.
    pub fn ask_time(&mut self) -> ((), Vec<Heard>) {
        ((), vec![self.tell(tuya::TIME, &[8, 0])])
    }

    /// Everything that its data points hold; nothing when it has none.
    pub(super) fn report_data_points(&mut self) -> Option<Heard> {
        let all: Vec<_> = self.data_points.values().cloned().collect();
        (!all.is_empty()).then(|| self.tell_data(all))
    }

    /// What the gateway says in the cluster of its own; the answers, with the default response to be given first.
    pub(super) fn hear_tuya(&mut self, header: Header, payload: &[u8]) -> Vec<Heard> {
        match header.command {
            tuya::REQUEST => {
                let records = Data::decode(payload).map_or_else(|_| Vec::new(), |data| data.records);
                let known = records.into_iter().filter(|record| self.data_points.contains_key(&record.dp));
                let known: Vec<_> = known.collect();
                known.into_iter().flat_map(|record| self.set_data_point(record).1).collect()
            }
            tuya::QUERY => self.report_data_points().into_iter().collect(),
            tuya::TIME => {
                self.told_time = Some(payload.to_vec());
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Data points for the gateway.
    fn tell_data(&mut self, records: Vec<Record>) -> Heard {
        let sequence = u16::from(self.count());
        self.tell(REPORT, &Data { sequence, records }.encode())
    }

    /// A command for the gateway, which asks for a default response, as these devices do.
    fn tell(&mut self, command: u8, payload: &[u8]) -> Heard {
        let header = Header {
            scope: Scope::Cluster,
            direction: Direction::ToClient,
            disable_default_response: false,
            ..Header::request(self.count(), command)
        };
        Heard::Zcl { cluster: tuya::CLUSTER, frame: Frame { header, payload }.encode() }
    }
}
