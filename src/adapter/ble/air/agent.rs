//! Pairing: an agent that knows the passkey of one device, for as long as that device is being paired.
//!
//! Agent and request go over a connection of their own that ends with the attempt. `BlueZ` asks the agent of whoever
//! called `Pair` (`BlueZ`, `org.bluez.AgentManager`); this one is never made the default. So a device that wants to pair
//! by itself, or one that is not configured, finds nobody here who would let it.

use std::time::Duration;

use dbus::{Message, Path, channel::Sender as _, message::MessageType};

use super::{
    bus::{BusError, PATIENCE},
    wire::Wire,
};

/// Where the agent is.
const AGENT: &str = "/tidegate/agent";
/// Longest attempt: a device has 30 s for each of its answers (Core 5.4, Vol 3 Part H 3.4).
const LONGEST: Duration = Duration::from_secs(60);

/// How a device is paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// Without asking: nobody can tell who it is with.
    JustWorks,
    /// With the six digits that it shows or that are printed on it.
    Passkey(Passkey),
}

/// Six digits. They are shown to nobody.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Passkey(u32);

impl Passkey {
    /// Reads them as people write them; `None` when they are no six digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.trim().chars().filter(|char| ![' ', '-'].contains(char)).collect();
        let is_one = digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_digit());
        is_one.then(|| digits.parse().ok().map(Self)).flatten()
    }
}

impl std::fmt::Debug for Passkey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Pairing {
    /// What the agent can do (`BlueZ`, `org.bluez.AgentManager`, `RegisterAgent`): with a passkey the device is the one
    /// that shows it.
    fn capability(self) -> &'static str {
        match self {
            Self::JustWorks => "NoInputNoOutput",
            Self::Passkey(_) => "KeyboardOnly",
        }
    }

    /// The answer to a question of `BlueZ`; anything that is not about this device is rejected.
    fn answer(self, question: &Message, device: &str) -> Message {
        let about = question.get1::<Path<'_>>();
        let is_ours = about.is_some_and(|path| *path == *device);
        let member = question.member();
        match (member.as_deref().unwrap_or_default(), self) {
            ("Cancel" | "Release", _) => question.method_return(),
            ("RequestPasskey", Self::Passkey(Passkey(key))) if is_ours => question.return_with_args((key,)),
            ("RequestPinCode", Self::Passkey(Passkey(key))) if is_ours => {
                question.return_with_args((format!("{key:06}"),))
            }
            ("RequestConfirmation", Self::Passkey(Passkey(key)))
                if is_ours && question.get2::<Path<'_>, u32>().1 == Some(key) =>
            {
                question.method_return()
            }
            ("RequestAuthorization", Self::JustWorks) if is_ours => question.method_return(),
            _ => question.error(&"org.bluez.Error.Rejected".into(), c"not a device that is being paired"),
        }
    }
}

/// Pairs a device, by its path `hci0/dev_…`; it is connected to already.
pub(super) async fn pair(device: &str, pairing: Pairing) -> Result<(), BusError> {
    let mut wire = Wire::open().await?;
    let path = format!("/org/bluez/{device}");
    let asked = path.clone();
    wire.receive(MessageType::MethodCall, move |question, connection| {
        // One that cannot be sent is lost with the connection, and the attempt with it.
        let _ = connection.send(pairing.answer(question, &asked));
    });
    let register = (Path::from(AGENT), pairing.capability());
    let () = wire.call("/org/bluez", ("org.bluez.AgentManager1", "RegisterAgent"), register, PATIENCE).await?;
    wire.call(&path, ("org.bluez.Device1", "Pair"), (), LONGEST).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: &str = "/org/bluez/hci0/dev_C0_11_22_33_44_55";

    /// A question of `BlueZ` about a device.
    fn ask(method: &str, device: &str) -> Message {
        let call = Message::new_method_call("org.bluez", AGENT, "org.bluez.Agent1", method).unwrap();
        let mut call = call.append1(Path::new(device.to_owned()).unwrap());
        call.set_serial(1);
        call
    }

    fn passkey(text: &str) -> Pairing {
        Pairing::Passkey(Passkey::parse(text).unwrap())
    }

    #[test]
    fn a_passkey_is_six_digits_and_is_never_shown() {
        assert_eq!(Passkey::parse(" 012 345\n"), Some(Passkey(12_345)));
        assert_eq!(Passkey::parse("12345"), None);
        assert_eq!(Passkey::parse("1234567"), None);
        assert_eq!(Passkey::parse("12345x"), None);
        assert_eq!(Passkey::parse("+12345"), None);
        assert_eq!(format!("{:?}", passkey("012345")), "Passkey(***)");
    }

    #[test]
    fn only_the_device_that_is_being_paired_is_answered() {
        let answer = |question: &Message| passkey("012345").answer(question, DEVICE);

        assert_eq!(answer(&ask("RequestPasskey", DEVICE)).get1::<u32>(), Some(12_345));
        assert_eq!(answer(&ask("RequestPinCode", DEVICE)).get1::<&str>(), Some("012345"));
        for (method, device) in [
            ("RequestPasskey", "/org/bluez/hci0/dev_C0_11_22_33_44_56"),
            ("AuthorizeService", DEVICE),
            ("RequestAuthorization", DEVICE),
            ("DisplayPasskey", DEVICE),
        ] {
            assert_eq!(answer(&ask(method, device)).msg_type(), MessageType::Error, "{method} {device}");
        }
    }

    #[test]
    fn a_number_to_confirm_must_be_the_passkey_and_nothing_is_told_without_one() {
        let confirm = |number: u32| {
            let question = ask("RequestConfirmation", DEVICE).append1(number);
            passkey("012345").answer(&question, DEVICE).msg_type()
        };
        assert_eq!((confirm(12_345), confirm(12_346)), (MessageType::MethodReturn, MessageType::Error));

        let open = |method| Pairing::JustWorks.answer(&ask(method, DEVICE), DEVICE).msg_type();
        assert_eq!(open("RequestAuthorization"), MessageType::MethodReturn);
        assert_eq!(open("RequestPasskey"), MessageType::Error);
    }
}
