//! Faults at random: which of a unit's answers go wrong, and how.

use std::{str::FromStr, time::Duration};

use super::Fault;

/// The words for faults.
const FAULTS: [(&str, Fault); 13] = [
    ("silent", Fault::Silent),
    ("slow", Fault::Delay(Duration::from_millis(300))),
    ("busy", Fault::Exception(6)),
    ("refused", Fault::Exception(2)),
    ("wrong-unit", Fault::WrongUnit),
    ("wrong-function", Fault::WrongFunction),
    ("wrong-transaction", Fault::WrongTransaction),
    ("wrong-length", Fault::WrongByteCount),
    ("short", Fault::Short),
    ("bytewise", Fault::ByteByByte),
    ("garbage", Fault::Garbage),
    ("close", Fault::Close),
    ("late", Fault::Late),
];

/// A fault and the share of requests it spoils.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chance {
    /// What goes wrong.
    pub fault: Fault,
    /// How often, from 0 to 1.
    pub share: f64,
}

/// Why a text is no chance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write KIND:SHARE, such as silent:0.01; kinds are {}", FAULTS.map(|(word, _)| word).join(", "))]
pub struct ChanceError;

/// Reads `silent:0.01`.
impl FromStr for Chance {
    type Err = ChanceError;

    fn from_str(text: &str) -> Result<Self, ChanceError> {
        let (word, share) = text.split_once(':').ok_or(ChanceError)?;
        let (_, fault) = FAULTS.into_iter().find(|(known, _)| *known == word).ok_or(ChanceError)?;
        let share: f64 = share.parse().map_err(|_| ChanceError)?;
        if (0.0..=1.0).contains(&share) { Ok(Self { fault, share }) } else { Err(ChanceError) }
    }
}

/// Draws a fault for each request. One seed gives one sequence.
#[derive(Debug)]
pub(super) struct Lot {
    chances: Vec<Chance>,
    rng: fastrand::Rng,
}

impl Lot {
    /// A lot without faults when there are no chances.
    pub(super) fn new(chances: Vec<Chance>, seed: u64) -> Self {
        Self { chances, rng: fastrand::Rng::with_seed(seed) }
    }

    /// The fault of the next answer. Shares add up; beyond 1 the last ones never come.
    pub(super) fn draw(&mut self) -> Fault {
        let mut left = if self.chances.is_empty() { return Fault::None } else { self.rng.f64() };
        for chance in &self.chances {
            left -= chance.share;
            if left < 0.0 {
                return chance.fault;
            }
        }
        Fault::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_is_a_word_and_a_share() {
        assert_eq!("silent:0.25".parse(), Ok(Chance { fault: Fault::Silent, share: 0.25 }));
        for text in ["silent", "silence:0.1", "silent:2", "silent:-1", "silent:nan", "silent:"] {
            assert!(text.parse::<Chance>().is_err(), "{text}");
        }
        assert!(ChanceError.to_string().contains("silent, slow, busy"), "{ChanceError}");
    }

    #[test]
    fn faults_come_as_often_as_was_asked_and_again_with_the_same_seed() {
        let chances = || vec!["silent:0.1".parse().unwrap(), "busy:0.2".parse().unwrap()];
        let draw = || {
            let mut lot = Lot::new(chances(), 7);
            (0..10_000).map(|_| lot.draw()).collect::<Vec<_>>()
        };

        let drawn = draw();

        let count = |fault| drawn.iter().filter(|drawn| **drawn == fault).count();
        assert!((900..1_100).contains(&count(Fault::Silent)), "{}", count(Fault::Silent));
        assert!((1_850..2_150).contains(&count(Fault::Exception(6))), "{}", count(Fault::Exception(6)));
        assert_eq!(drawn, draw());
        assert_eq!(Lot::new(Vec::new(), 1).draw(), Fault::None);
    }
}
