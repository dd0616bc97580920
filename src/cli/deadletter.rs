//! `tidegate buffer deadletter`

use serde_json::json;

use super::{context::Context, error::CliError, format::count, table::Table};

/// Where the daemon answers.
const ROUTE: &str = "/api/v1/buffer/deadletters";
/// What is shown of a letter.
const LETTERS: &[&str] = &["id", "uplink", "stream", "epoch", "seq", "readings", "at", "reason"];

/// What to do with messages that a broker refused for good.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List them, oldest first.
    List {
        /// Show those of one uplink only.
        #[arg(long, value_name = "NAME")]
        uplink: Option<String>,
        /// Print one JSON document.
        #[arg(long)]
        json: bool,
    },
    /// Send them again; the uplink connects anew for it.
    Retry(Which),
    /// Throw them away.
    Drop(Which),
}

/// Which letters are meant.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct Which {
    /// Ids, as `list` shows them.
    #[arg(value_name = "ID")]
    ids: Vec<u64>,
    /// Those of one uplink.
    #[arg(long, value_name = "NAME")]
    uplink: Option<String>,
    /// All of them.
    #[arg(long, conflicts_with_all = ["ids", "uplink"])]
    all: bool,
}

pub(super) fn run(command: &Command, context: &mut Context) -> Result<(), CliError> {
    match command {
        Command::List { uplink, json } => list(uplink.as_deref(), *json, context),
        Command::Retry(which) => act("retry", which, context),
        Command::Drop(which) => act("drop", which, context),
    }
}

fn list(uplink: Option<&str>, as_json: bool, context: &mut Context) -> Result<(), CliError> {
    let query = uplink.map_or_else(String::new, |name| format!("?uplink={}", encoded(name)));
    let letters = context.get(&format!("{ROUTE}{query}"))?;
    let text = || match letters.as_array().map(Vec::as_slice) {
        None | Some([]) => "no dead letters\n".to_owned(),
        Some(all) => Table::of("id", LETTERS, all).to_string(),
    };
    context.show(as_json, &letters, text)
}

fn act(action: &str, which: &Which, context: &mut Context) -> Result<(), CliError> {
    let mut body = json!({ "action": action });
    if let Some(uplink) = &which.uplink {
        body["uplink"] = json!(uplink);
    }
    if !which.ids.is_empty() {
        body["ids"] = json!(which.ids);
    }
    let done = context.send("POST", ROUTE, &body)?;
    let done = done.as_array().map_or(0, |letters| letters.len() as u64);
    if done == 0 {
        let help = "tidegate buffer deadletter list shows what there is";
        return Err(CliError::Usage(format!("no such dead letter (help: {help})")));
    }
    let word = if action == "retry" { "to be sent again" } else { "dropped" };
    context.print(&format!("{} {word}\n", count(&done, "dead letter")))
}

/// A name as a query may hold it.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_query() {
        assert_eq!(encoded("cloud-2"), "cloud-2");
        assert_eq!(encoded("a&b c"), "a%26b%20c");
    }
}
