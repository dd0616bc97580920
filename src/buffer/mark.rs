//! The mark: how far the store had come, kept in the lock file beside the database.
//!
//! SQLite takes a damaged frame of its log for the log's end, and says nothing. What was committed behind it is gone,
//! the epoch among it, and perhaps the end of epochs before it. The mark keeps epochs from being given again, and shows
//! what is missing.
//!
//! ```text
//! 0      <store> <end of this epoch>                    renewed with each commit
//! 1024   <checksum of the rest>, <end of an epoch> ...  lines, one for each epoch before this one; written at a start
//!
//! end    <epoch> <last id> <data> <event> <outcome> [<name of a stream>=<number> ...]
//! ```

use std::{fmt, fs::File, io, os::unix::fs::FileExt};

use super::{cutter::Seqs, seal::checksum};
use crate::model::Stream;

/// Where the ends of earlier epochs stand. Streams of filters whose numbers do not fit before it are not in the mark.
const EARLIER: usize = 1024;
/// Longest text of earlier epochs; the oldest are left out.
const MAX_EARLIER: usize = 16 << 10;
/// Length of the checksum with what is around it.
const CHECKSUM: usize = 10;
/// The streams that every epoch has, in the order of their numbers.
const COMMON: [Stream; 3] = [Stream::Data, Stream::Event, Stream::Outcome];

/// What a lock file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// The store it is about.
    pub(super) store: String,
    /// How far the last epoch had come.
    pub(super) last: End,
    /// Epochs before it, oldest first, as far as the store knew them when this one began.
    pub(super) earlier: Vec<End>,
}

/// How far an epoch had come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct End {
    /// The epoch.
    pub(super) epoch: u64,
    /// The id given last.
    pub(super) last_id: u64,
    /// The numbers given last, of streams that leave the gateway.
    pub(super) seqs: Seqs,
}

impl Mark {
    /// The mark in a file; none in one that is empty or holds anything else.
    pub(super) fn read(file: &File) -> Option<Self> {
        let mut bytes = vec![0; EARLIER + MAX_EARLIER];
        let len = file.read_at(&mut bytes, 0).ok()?;
        let (head, earlier) = bytes[..len].split_at(len.min(EARLIER));
        let mut mark = Self::parse(str::from_utf8(head).ok()?.lines().next()?)?;
        mark.earlier = parse_earlier(earlier).unwrap_or_default();
        Some(mark)
    }

    /// Reads what it is written as.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (store, last) = lines.next()?.split_once(' ')?;
        let (last, earlier) = (End::parse(last)?, lines.map(End::parse).collect::<Option<_>>()?);
        Some(Self { store: store.to_owned(), last, earlier })
    }

    /// Every epoch it knows of, oldest first.
    pub(super) fn ends(&self) -> impl Iterator<Item = &End> {
        self.earlier.iter().chain([&self.last])
    }

    /// Writes how far the last epoch has come; a killed process leaves it behind, a power cut perhaps an earlier one.
    pub(super) fn write(file: &File, store: &str, last: &End) -> io::Result<()> {
        let room = EARLIER - store.len().min(EARLIER);
        file.write_all_at(format!("{store} {}\n", last.line(room)).as_bytes(), 0)
    }

    /// Writes what the store knows of the epochs before the last, oldest first.
    pub(super) fn write_earlier(file: &File, ends: &[End]) -> io::Result<()> {
        let lines: Vec<String> = ends.iter().map(|end| end.line(EARLIER) + "\n").collect();
        let mut room = MAX_EARLIER - CHECKSUM;
        let fits = |line: &&String| {
            room = room.saturating_sub(line.len());
            room > 0
        };
        let newest = lines.iter().rev().take_while(fits).count();
        let text = lines[lines.len() - newest..].concat();
        file.write_all_at(format!("{:08x}\n{text}\0", checksum(&[text.as_bytes()])).as_bytes(), EARLIER as u64)
    }
}

/// The whole of it, a line for each epoch, for where there is room.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.store, self.last.line(usize::MAX))?;
        self.earlier.iter().try_for_each(|end| write!(f, "\n{}", end.line(usize::MAX)))
    }
}

/// Ends that were written together; what an earlier start has left behind them counts for nothing.
fn parse_earlier(bytes: &[u8]) -> Option<Vec<End>> {
    let (sum, lines) = str::from_utf8(bytes.split(|byte| *byte == 0).next()?).ok()?.split_once('\n')?;
    let is_whole = u32::from_str_radix(sum, 16).ok()? == checksum(&[lines.as_bytes()]);
    if is_whole { lines.lines().map(End::parse).collect() } else { None }
}

impl End {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut number = || words.next().map(str::parse).transpose().ok();
        let (epoch, last_id) = (number()??, number()??);
        let mut seqs = Seqs::new();
        for stream in COMMON {
            // A mark of an earlier version has none.
            seqs.insert(stream, number()?.unwrap_or(0));
        }
        for word in words {
            let (name, seq) = word.split_once('=')?;
            seqs.insert(Stream::Filtered(name.into()), seq.parse().ok()?);
        }
        seqs.retain(|_, seq| *seq > 0);
        Some(Self { epoch, last_id, seqs })
    }

    /// What it is written as, in so many bytes; streams of filters that do not fit are left out.
    fn line(&self, room: usize) -> String {
        let [data, event, outcome] = COMMON.map(|stream| self.seqs.get(&stream).copied().unwrap_or(0));
        let mut line = format!("{} {} {data} {event} {outcome}", self.epoch, self.last_id);
        for (stream, seq) in self.seqs.iter().filter(|(stream, _)| matches!(stream, Stream::Filtered(_))) {
            let word = format!(" {}={seq}", stream.as_str());
            if line.len() + word.len() + 2 <= room {
                line += &word;
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(epoch: u64, data: u64, filtered: u64) -> End {
        let seqs = [(Stream::Data, data), (Stream::Event, 1), (Stream::filtered("cloud"), filtered)];
        End { epoch, last_id: 99, seqs: seqs.into_iter().filter(|(_, seq)| *seq > 0).collect() }
    }

    #[test]
    fn comes_back_as_written_and_anything_else_is_none() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(Mark::read(&file), None);
        for (epoch, earlier) in
            [(123, vec![end(7, 12, 1 << 40), end(122, 0, 3)]), (7, vec![]), (8, vec![end(7, 1, 0)])]
        {
            let mark = Mark { store: "6f2c".to_owned(), last: end(epoch, 7, epoch), earlier };
            Mark::write_earlier(&file, &mark.earlier).unwrap();
            Mark::write(&file, &mark.store, &mark.last).unwrap();
            assert_eq!(Mark::read(&file).as_ref(), Some(&mark));
            assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
        }
        file.write_all_at(b"6f2c 9 99\n", 0).unwrap();
        let mark = Mark::read(&file).unwrap();
        assert_eq!((mark.last, mark.earlier), (End { epoch: 9, last_id: 99, ..End::default() }, vec![end(7, 1, 0)]));
        file.write_all_at(b"!", EARLIER as u64 + 12).unwrap();
        assert_eq!(Mark::read(&file).map(|mark| mark.earlier), Some(vec![]));
        file.write_all_at(&[0xff; 300], 0).unwrap();
        assert_eq!(Mark::read(&file), None);
    }

    #[test]
    fn what_has_no_room_is_left_out() {
        let file = tempfile::tempfile().unwrap();
        let filtered = (0..99).map(|cloud| (Stream::filtered(&format!("a-cloud-{cloud}")), 1 << 40));
        let last = End { epoch: 900, seqs: filtered.collect(), ..End::default() };
        let earlier: Vec<End> = (1..900).map(|epoch| end(epoch, 1 << 40, 1 << 40)).collect();
        Mark::write_earlier(&file, &earlier).unwrap();
        Mark::write(&file, "6f2c", &last).unwrap();

        let mark = Mark::read(&file).unwrap();

        assert_eq!(mark.last.epoch, 900);
        assert!((20..99).contains(&mark.last.seqs.len()), "{}", mark.last.seqs.len());
        assert!((200..800).contains(&mark.earlier.len()), "{}", mark.earlier.len());
        assert_eq!(mark.earlier.last().map(|end| end.epoch), Some(899));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_mark_or_none(bytes in proptest::collection::vec(0_u8..=127, 0..2_000)) {
            let file = tempfile::tempfile().unwrap();
            file.write_all_at(&bytes, 0).unwrap();
            Mark::read(&file);
        }
    }
}
