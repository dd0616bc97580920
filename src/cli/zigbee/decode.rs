//! `tidegate zigbee decode`: frames in, frames with names and readings out.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::line::{self, Line};
use crate::{
    adapter::zigbee::{
        address::Cluster,
        describe::{self, Description},
        map::{self, Finding, Known, points, units},
        tuya::{Data, Record},
        wire::hex,
        zcl,
        znp::{
            command::{
                Command as _,
                af::{IncomingMsg, IncomingMsgExt, LongData},
                zdo::MsgCbIncoming,
            },
            unpi::{Decoder, Frame},
        },
    },
    cli::{context::Context, error::CliError, lines},
};

pub(super) fn run(file: Option<&Path>, context: &mut Context) -> Result<(), CliError> {
    lines::answer(file, context, answer)
}

/// One answer, before it is printed.
#[derive(Debug, Default)]
struct Answer {
    /// What the line held.
    format: Option<&'static str>,
    /// The frame, or frames.
    frame: Json,
    /// What it says of points.
    readings: Vec<Json>,
    /// What could not be read.
    why: Vec<String>,
}

/// Answers one line.
fn answer(line: &[u8]) -> Json {
    let mut answer = Answer::default();
    match line::parse(line) {
        Err(why) => answer.why.push(why),
        Ok(Line::Unpi(bytes)) => answer.unpi(&bytes),
        Ok(Line::Zcl(cluster, bytes, mut known)) => {
            answer.format = Some("zcl");
            answer.frame = answer.zcl(cluster, &bytes, &mut known);
        }
        Ok(Line::Zdo(cluster, bytes)) => {
            answer.format = Some("zdo");
            answer.frame = answer.take(describe::zdo(cluster, &bytes));
        }
    }
    answer.to_json()
}

impl Answer {
    /// Every frame in bytes between coordinator and host, also behind garbage.
    fn unpi(&mut self, bytes: &[u8]) {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        let mut frames = Vec::new();
        loop {
            while let Some(frame) = decoder.next_frame() {
                frames.push(self.znp(&frame));
            }
            if !decoder.is_waiting() {
                break;
            }
            decoder.give_up();
        }
        self.tell_skipped(&decoder);
        if frames.is_empty() {
            self.why.push("there is no frame in it".to_owned());
            return;
        }
        self.format = Some("unpi");
        self.frame = if frames.len() == 1 { frames.remove(0) } else { Json::Array(frames) };
    }

    /// Bytes that belong to no frame.
    fn tell_skipped(&mut self, decoder: &Decoder) {
        match decoder.skipped() {
            (0, _) => {}
            (bytes, None) => self.why.push(format!("{bytes} bytes belong to no whole frame")),
            (bytes, Some(fault)) => self.why.push(format!("{bytes} bytes belong to no whole frame: {fault}")),
        }
    }

    /// A frame between coordinator and host, with the frame of a device that it carries.
    fn znp(&mut self, frame: &Frame) -> Json {
        let mut json = self.take(describe::znp(frame));
        if let Some(Ok(message)) = IncomingMsg::of(frame) {
            json["carries"] = self.carried(message.cluster, message.to_endpoint, message.data.as_slice());
        } else if let Some(Ok(IncomingMsgExt { cluster, to_endpoint, data: LongData::Here(data), .. })) =
            IncomingMsgExt::of(frame)
        {
            json["carries"] = self.carried(cluster, to_endpoint, data.as_slice());
        } else if let Some(Ok(message)) = MsgCbIncoming::of(frame) {
            json["carries"] = self.take(describe::zdo_fields(message.cluster, message.sequence, &message.data.0));
        }
        json
    }

    /// A device's frame: to endpoint 0 it is one of ZDO.
    fn carried(&mut self, cluster: Cluster, to_endpoint: u8, bytes: &[u8]) -> Json {
        if to_endpoint == 0 {
            return self.take(describe::zdo(cluster, bytes));
        }
        self.zcl(cluster, bytes, &mut Known::default())
    }

    /// A frame of the cluster library, with its readings.
    fn zcl(&mut self, cluster: Cluster, bytes: &[u8], known: &mut Known) -> Json {
        match zcl::Frame::decode(bytes) {
            Ok(frame) => {
                for finding in map::findings(cluster, &frame, known) {
                    self.reading(&finding, known);
                }
                let mut json = self.take(describe::zcl(cluster, &frame));
                match Data::of(cluster, &frame) {
                    Some(Ok(data)) => json["data_points"] = data.records.iter().map(data_point).collect(),
                    Some(Err(error)) => self.why.push(error.to_string()),
                    None => {}
                }
                json
            }
            Err(error) => {
                self.why.push(error.to_string());
                json!({"cluster": cluster, "bytes": hex(bytes)})
            }
        }
    }

    /// A value of a point, or why there is none.
    fn reading(&mut self, finding: &Finding, known: &Known) {
        // Of the endpoint a line says nothing: names are those of a device that has nothing else.
        let point = points::name_of(&[], 1, finding);
        match &finding.value {
            Ok(value) => {
                self.readings
                    .push(json!({"point": point, "value": value, "unit": units::of(finding.quantity, Some(known))}));
            }
            Err(missing) => self.why.push(format!("{point}: {missing}")),
        }
    }

    /// A description, whose fault is kept.
    fn take(&mut self, description: Description) -> Json {
        self.why.extend(description.fault);
        description.json
    }

    /// As it is printed; `why` only when there is something to say.
    fn to_json(&self) -> Json {
        let mut json = json!({"format": self.format, "frame": self.frame, "readings": self.readings});
        if !self.why.is_empty() {
            json["why"] = json!(self.why.join("; "));
        }
        json
    }
}

/// A data point with its bytes, and the number in them.
fn data_point(record: &Record) -> Json {
    json!({ "dp": record.dp, "type": record.kind.word(), "bytes": hex(&record.data), "number": record.number() })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// The answer to a line.
    fn ask(line: &str) -> Json {
        answer(line.as_bytes())
    }

    #[test]
    fn a_report_gives_its_reading() {
        let told = ask(r#"{"cluster":"0x0402","endpoint":1,"zcl":"18050a00002900fe"}"#);
        assert_eq!(told["format"], "zcl");
        assert_eq!(told["readings"], json!([{"point": "temperature", "value": -5.12, "unit": "Cel"}]));
        assert_eq!(told.get("why"), None);
    }

    #[test]
    fn a_meter_is_scaled_by_what_is_known() {
        let line =
            r#"{"cluster":1794,"zcl":"18050a00002540e201000000","known":{"0x0300":0,"0x0301":1,"0x0302":1000}}"#;
        assert_eq!(ask(line)["readings"], json!([{"point": "energy", "value": 123.456, "unit": "kW.h"}]));
        let unknown = ask(r#"{"cluster":1794,"zcl":"18050a00002540e201000000"}"#);
        assert_eq!((&unknown["readings"], &unknown["why"]), (&json!([]), &json!("energy: needs attribute 0x0300")));
    }

    #[test]
    fn a_coordinators_message_gives_the_readings_it_carries() {
        // AF.IncomingMsg of a report of 50.12 %, behind noise.
        let told = ask(r#"{"unpi":"00ff fe194481 00000504 2b1a 01 01 00 7b 00 00000000 05 08 18050a0000219413 2b"}"#);
        assert_eq!(told["readings"], json!([{"point": "humidity", "value": 50.12, "unit": "%"}]), "{told}");
        assert_eq!(told["frame"]["command"], "AF.IncomingMsg");
        assert_eq!(told["why"], "2 bytes belong to no whole frame: a frame starts with 0xfe, not 0x00");
    }

    #[test]
    fn a_descriptor_is_shown_with_its_clusters() {
        let told = ask(r#"{"cluster":"0x8004","zdo":"07 00 2b1a 0e 01 0401 0203 00 02 0000 0204 01 1900"}"#);
        assert_eq!(told["format"], "zdo");
        assert_eq!(told["frame"]["fields"]["fields"]["simple"]["inputs"], json!(["0x0000", "0x0402"]));
    }

    #[test]
    fn a_line_that_is_none_is_answered_with_the_reason() {
        for (line, why) in [
            ("", "the line is no such object"),
            ("hello", "the line is no such object"),
            (r#"["fe00",null,null,null,{}]"#, "it does not begin with {"),
            ("{}", "a line has one of unpi, zcl and zdo"),
            (r#"{"zcl":"00"}"#, "cluster has to be"),
            (r#"{"zcl":"0g","cluster":6}"#, "zcl is no hex"),
            (r#"{"zcl":"00","cluster":70000}"#, "cluster has to be"),
            (r#"{"zcl":"18","cluster":6}"#, "1 bytes are announced at byte 1, 0 are left"),
            (r#"{"zcl":"180500","cluster":6,"known":{"x":1}}"#, "known has to hold"),
            (r#"{"unpi":"fe"}"#, "no frame"),
            (r#"{"zdo":"","cluster":"0x8004"}"#, "begins with its transaction"),
        ] {
            let told = ask(line);
            assert!(told["why"].as_str().unwrap().contains(why), "{line}: {told}");
            assert_eq!(told["readings"], json!([]));
        }
    }

    proptest! {
        #[test]
        fn no_frame_makes_it_panic(cluster: u16, bytes in vec(any::<u8>(), 0..80), kind in 0..3usize) {
            let hex = hex(&bytes);
            let key = ["zcl", "zdo", "unpi"][kind];
            let told = ask(&json!({key: hex, "cluster": cluster}).to_string());
            prop_assert!(told.is_object());
        }
    }
}
