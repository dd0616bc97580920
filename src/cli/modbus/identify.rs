//! `tidegate modbus identify`: what a unit says of itself, by FC 43/14 and FC 17.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    forms,
    question::{About, Question},
    target::{Target, Unit},
};
use crate::{
    adapter::modbus::{
        asking::{AskError, Asker},
        exception::Exception,
        identity::Identify,
        pdu::Request,
    },
    cli::{
        context::{Context, block_on},
        error::CliError,
        table::Table,
    },
};

/// The objects that have a name (MODBUS Application Protocol 1.1b3, 6.21), and how we write it.
const NAMES: [&str; 7] =
    ["vendor", "product_code", "revision", "vendor_url", "product_name", "model_name", "application_name"];

/// Asks a unit what it is.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    unit: Unit,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// What a unit said.
struct Said {
    objects: BTreeMap<u8, Vec<u8>>,
    /// Why there are no objects, or not all.
    objects_fault: Option<AskError>,
    server_id: Result<Vec<u8>, AskError>,
}

pub(super) fn run(args: &Args, context: &mut Context) -> Result<(), CliError> {
    let unit = args.unit.number();
    let mut asker = args.target.asker(context)?;
    let link = asker.link().clone();
    let question = Question { link: &link, unit: args.unit, text: "identify".to_owned(), about: About::Itself };
    let said = block_on(async { ask(&mut asker, unit).await.map_err(|error| question.unanswered(&error)) })?;
    let document = said.document(&link.to_string(), unit);
    context.show(args.json, &document, || format!("unit {unit} at {link}\n\n{}", said.page()))?;
    if said.objects.is_empty() && said.server_id.is_err() {
        let text =
            "it says by neither function what it is (help: it is there all the same; its maker's manual must do)";
        return Err(CliError::Failed(format!("unit {unit} at {link}: {text}")));
    }
    Ok(())
}

/// Asks both ways. A unit may be silent to a function it does not know; one that is silent to both is not there.
async fn ask(asker: &mut Asker, unit: u8) -> Result<Said, AskError> {
    let mut objects = BTreeMap::new();
    let objects_fault = match asker.objects(unit, &mut objects).await {
        Err(error @ (AskError::Link(_) | AskError::InUse(_))) => return Err(error),
        objects => objects.err(),
    };
    let server_id = match asker.ask(unit, &Request::Identify(Identify::ServerId)).await {
        Err(error @ (AskError::Link(_) | AskError::InUse(_))) => return Err(error),
        Err(error) if is_absence(&error) && objects_fault.as_ref().is_some_and(is_absence) => return Err(error),
        server_id => server_id,
    };
    Ok(Said { objects, objects_fault, server_id })
}

/// Whether nobody answered, by the word of a gateway too.
fn is_absence(error: &AskError) -> bool {
    matches!(error, AskError::Silent(_) | AskError::Refused(Exception::PATH_UNAVAILABLE | Exception::TARGET_SILENT))
}

/// The name of an object.
fn name(id: u8) -> String {
    NAMES.get(usize::from(id)).map_or_else(|| format!("object_{id:#04x}"), |name| (*name).to_owned())
}

/// An object as text, or as digits where it is none.
fn shown(object: &[u8]) -> String {
    let trimmed = object.strip_suffix(&[0]).unwrap_or(object);
    match std::str::from_utf8(trimmed) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        Ok(_) | Err(_) => forms::hex(object),
    }
}

impl Said {
    /// For programs.
    fn document(&self, link: &str, unit: u8) -> Value {
        let objects = self.objects.iter().map(|(id, object)| {
            json!({ "id": id, "name": name(*id), "text": shown(object), "hex": forms::hex(object).replace(' ', "") })
        });
        let fault = self.objects_fault.as_ref().map(ToString::to_string);
        let server_id = match &self.server_id {
            Ok(data) => json!({ "hex": forms::hex(data).replace(' ', ""), "text": forms::text(data) }),
            Err(error) => json!({ "why": error.to_string() }),
        };
        json!({
            "link": link, "unit": unit, "objects": objects.collect::<Vec<_>>(), "why": fault, "server_id": server_id,
        })
    }

    /// For people.
    fn page(&self) -> String {
        let mut table = Table::new(&["WHAT", "SAID"]);
        for (id, object) in &self.objects {
            table.push([name(*id).replace('_', " "), shown(object)]);
        }
        if let Some(error) = &self.objects_fault {
            table.push(["objects (FC 43/14)".to_owned(), error.to_string()]);
        }
        let server_id = match &self.server_id {
            Ok(data) => format!("{}  {}", forms::hex(data), forms::text(data)),
            Err(error) => error.to_string(),
        };
        table.push(["server id (FC 17)".to_owned(), server_id]);
        table.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::modbus::fixtures::against,
        testing::modbus_unit::{Bank, Fault, Identity},
    };

    /// A unit whose objects take more than one answer.
    fn bank() -> Bank {
        let bank = Bank::new(&[5]);
        let mut objects: BTreeMap<u8, Vec<u8>> =
            [(0, b"Acme".to_vec()), (1, b"EM-3".to_vec()), (2, b"V2.11".to_vec()), (4, b"Meter".to_vec())].into();
        objects.extend((0x80..0x84).map(|id| (id, vec![b'x'; 100])));
        objects.insert(0x90, vec![0, 1, 0xff]);
        bank.set_identity(5, Identity { server_id: vec![7, 0xff, b'A'], objects });
        bank
    }

    #[test]
    fn everything_a_unit_says_is_shown_also_over_several_answers() {
        let (text, result) = against(bank(), &["identify", "LINK", "--unit", "5", "--json"]);

        result.unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        let objects = json["objects"].as_array().unwrap();
        assert_eq!(objects.len(), 9);
        assert_eq!((&objects[0]["name"], &objects[0]["text"]), (&json!("vendor"), &json!("Acme")));
        assert_eq!((&objects[8]["name"], &objects[8]["hex"]), (&json!("object_0x90"), &json!("0001ff")));
        assert_eq!(json["server_id"]["hex"], "07ff41");

        let (text, _) = against(bank(), &["identify", "LINK", "--unit", "5"]);
        assert!(text.contains("\nproduct name       Meter\n"), "{text}");
    }

    #[test]
    fn a_unit_that_refuses_says_so_and_one_that_is_silent_is_not_there() {
        let (text, result) = against(Bank::new(&[5]), &["identify", "LINK", "--unit", "5"]);
        assert!(text.contains("server id (FC 17)   exception 1 (illegal-function)"), "{text}");
        assert!(matches!(result, Err(CliError::Failed(_))));

        let bank = Bank::new(&[5]);
        bank.set_fault(5, Fault::Silent);
        let silent = against(bank, &["identify", "LINK", "--unit", "5", "--timeout", "50ms"]).1;
        assert!(matches!(silent, Err(CliError::Unavailable(_))), "{silent:?}");

        let away = against(Bank::new(&[5]), &["identify", "LINK", "--unit", "6"]).1.unwrap_err();
        assert!(matches!(&away, CliError::Unavailable(why) if why.contains("reaches no such unit")), "{away:?}");
    }
}
