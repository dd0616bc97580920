//! What it means to the one at the keyboard that a question has no answer, and what can be tried instead.

use super::target::{Unit, unusable};
use crate::{
    adapter::modbus::{
        asking::AskError,
        config::{Link, Register},
        exception::Exception,
    },
    cli::error::CliError,
};

/// What can be tried where a unit refuses the addresses that it was asked for.
const LESS: &str = "ask for less, or let `tidegate modbus dump` find what can be read";

/// The same for a single address, of which there is no less.
const BESIDE: &str = "an address beside it may be there, or let `tidegate modbus dump` find what can be read";

/// The same where less was tried already.
const DUMP: &str = "`tidegate modbus dump` finds what can be read";

/// What a question is about.
pub(super) enum About {
    /// The unit itself.
    Itself,
    /// Registers from one on.
    Block(Register, u16),
    /// Single registers beside each other, of which each was refused.
    Around(Register),
}

/// Something that a unit was asked.
pub(super) struct Question<'a> {
    /// On which link.
    pub(super) link: &'a Link,
    /// Whom.
    pub(super) unit: Unit,
    /// What, in words.
    pub(super) text: String,
    /// The same, as far as it is about registers.
    pub(super) about: About,
}

impl Question<'_> {
    /// That there is no answer.
    pub(super) fn unanswered(&self, error: &AskError) -> CliError {
        let Self { link, text, .. } = self;
        let at = format!("unit {} at {link}", self.unit.number());
        match error {
            AskError::Link(_) | AskError::InUse(_) => unusable(link, error),
            AskError::Silent(_) => CliError::Unavailable(self.helped(
                format!("{at}: {error}"),
                "`tidegate modbus scan` finds the units that are there; --timeout gives slow ones more time",
            )),
            AskError::Refused(Exception::PATH_UNAVAILABLE | Exception::TARGET_SILENT) => {
                CliError::Unavailable(self.helped(
                    format!("{at}: {error}: the gateway reaches no such unit"),
                    "`tidegate modbus scan` finds those that are there",
                ))
            }
            AskError::Refused(Exception::ILLEGAL_ADDRESS) => {
                CliError::Failed(self.helped(format!("{at}: {text}: {error}"), &self.elsewhere()))
            }
            AskError::Refused(_) | AskError::Unusable(_) => {
                CliError::Failed(self.helped(format!("{at}: {text}: {error}"), ""))
            }
        }
    }

    /// A sentence with its help, and with the unit where that is a guess.
    fn helped(&self, sentence: String, help: &str) -> String {
        let guess = "unit 1 was asked, as no --unit was given";
        let helps = [help, if self.unit.is_assumed() { guess } else { "" }];
        let helps: Vec<&str> = helps.into_iter().filter(|help| !help.is_empty()).collect();
        if helps.is_empty() { sentence } else { format!("{sentence} (help: {})", helps.join("; ")) }
    }

    /// Where the registers may be that a unit does not have here.
    fn elsewhere(&self) -> String {
        let register = match self.about {
            About::Itself => return DUMP.to_owned(),
            About::Block(register, _) | About::Around(register) => register,
        };
        if let Some(meant) = meant(register) {
            return format!("did you mean {}, which is {meant}?", register.offset);
        }
        match self.about {
            About::Block(_, 1) => {
                format!("{register} is number {} where one counts from 1; {BESIDE}", next(register))
            }
            About::Block(..) => LESS.to_owned(),
            About::Itself | About::Around(_) => DUMP.to_owned(),
        }
    }
}

/// The register's number where the first one is 1.
fn next(register: Register) -> u32 {
    u32::from(register.offset) + 1
}

/// The register that was meant by an offset that is the number of a manual: 30001, whose first digit names the table.
fn meant(register: Register) -> Option<Register> {
    let meant = register.offset.to_string().parse::<Register>().ok()?;
    (meant.table == register.table).then_some(meant)
}
