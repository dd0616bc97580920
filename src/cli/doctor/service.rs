//! The daemon itself: whether it answers, and what it says is wrong.

use serde_json::Value;

use super::{
    super::{context::Context, error::CliError},
    Finding,
};

/// What the subject is called.
const ABOUT: &str = "service";

/// Asks the daemon.
pub(super) fn check(context: &Context) -> Vec<Finding> {
    match context.get("/api/v1/status") {
        Ok(status) => judge(&status),
        Err(CliError::Report(report)) => {
            vec![Finding::wrong(ABOUT, report, "name a file that is there: --config PATH")]
        }
        Err(error) => vec![Finding::wrong(ABOUT, error.to_string(), "systemctl status tidegate says why it is down")],
    }
}

/// What a status says is wrong.
fn judge(status: &Value) -> Vec<Finding> {
    let list = |name: &str| status[name].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let warnings = list("warnings").map(|warning| Finding::wrong(ABOUT, text(warning), "tidegate status shows more"));
    let refused = list("adapters").filter(|adapter| adapter["state"] == "refused").map(|adapter| {
        let about = format!("adapter {}", text(&adapter["name"]));
        Finding::wrong(about, "it is refused", "journalctl -u tidegate says why")
    });
    let mut findings: Vec<_> = warnings.chain(refused).collect();
    if findings.is_empty() {
        findings.push(Finding::ok(ABOUT, format!("it runs since {}", text(&status["started"]))));
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::doctor::Level;

    #[test]
    fn what_the_daemon_warns_of_is_wrong() {
        let good = judge(&json!({"started": "2026-01-01T00:00:00Z", "adapters": [{"name": "a", "state": "up"}]}));
        assert_eq!((good.len(), good[0].level), (1, Level::Ok));

        let bad = judge(&json!({"warnings": ["disk is low"], "adapters": [{"name": "z", "state": "refused"}]}));
        assert_eq!((bad[0].text.as_str(), bad[1].about.as_str()), ("disk is low", "adapter z"));
    }
}
