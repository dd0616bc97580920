//! The way to each broker: its name, its port, and its certificate. No login is made and no message sent.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{super::context::block_on, Finding, site::Site};
use crate::{
    config::{Transport, Uplink},
    tls,
};

/// Longest wait for a name, for a connection, and for a handshake; all uplinks are tried at once.
const LIMIT: Duration = Duration::from_secs(5);

/// Every uplink.
pub(super) fn check(site: &Site) -> Vec<Finding> {
    if site.uplinks.is_empty() {
        let fix = "tidegate setup asks for one, or write an [[uplink]] into a file of conf.d";
        return vec![Finding::note("uplink", "there is none: nothing is sent anywhere", fix)];
    }
    let all = async { Ok(join_all(site.uplinks.iter().map(reach)).await) };
    block_on(all).unwrap_or_else(|error| {
        vec![Finding::wrong("uplink", error.to_string(), "see whether the system is out of memory or files")]
    })
}

/// One uplink.
async fn reach(uplink: &Uplink) -> Finding {
    let about = format!("uplink {}", uplink.name);
    match try_to_reach(uplink).await {
        Ok(how) => Finding::ok(about, format!("{} {how}", uplink.url)),
        Err((what, fix)) => Finding::wrong(about, format!("{} {what}", uplink.url), fix),
    }
}

/// What was reached, or what was not and how to mend it.
async fn try_to_reach(uplink: &Uplink) -> Result<&'static str, (String, &'static str)> {
    let (host, port) = (uplink.url.host.as_str(), uplink.url.port);
    let name = "see /etc/resolv.conf and the name's spelling";
    let network = "see ip route, a firewall on the way, and whether the broker runs";
    let certificate = "see [uplink] tls: the roots must be those of the broker's certificate, the host its name, and \
        the clock right";

    let addresses =
        within(lookup_host((host, port))).await.map_err(|why| (format!("has no address: {why}"), name))?;
    let addresses: Vec<_> = addresses.collect();
    let first = addresses.first().ok_or_else(|| ("has no address".to_owned(), name))?;
    // All are tried, as the uplink does: a host without IPv6 is told addresses of it all the same.
    let stream = within(TcpStream::connect(&*addresses)).await;
    let stream = stream.map_err(|why| (format!("cannot be reached at {first}: {why}"), network))?;
    if uplink.url.transport == Transport::Tcp {
        return Ok("can be reached");
    }
    let client = tls::read_now(&uplink.tls).map_err(|error| (format!("cannot be verified: {error}"), certificate))?;
    let handshake = within(tls::connect(client, host, stream)).await;
    handshake.map_err(|why| (format!("does not agree on TLS: {why}"), certificate))?;
    Ok("can be reached, and its certificate is right")
}

/// A step within its time.
async fn within<T, E: std::fmt::Display>(step: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match timeout(LIMIT, step).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::cli::doctor::{Level, site::tests::site};

    /// What is found of a broker at this URL.
    fn found(url: &str) -> Finding {
        let (_folder, site) = site(&format!("[[uplink]]\nname = 'cloud'\nurl = '{url}'\n"), &[]);
        check(&site).remove(0)
    }

    #[test]
    fn each_step_to_a_broker_has_its_own_finding() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();

        let reached = found(&format!("mqtt://127.0.0.1:{port}"));
        assert_eq!((reached.level, reached.about.as_str()), (Level::Ok, "uplink cloud"), "{reached:?}");
        let hangs_up = std::thread::spawn(move || drop(listener.accept()));
        let no_tls = found(&format!("mqtts://127.0.0.1:{port}"));
        hangs_up.join().unwrap();

        assert_eq!(no_tls.level, Level::Wrong, "{no_tls:?}");
        assert!(found(&format!("mqtt://127.0.0.1:{port}")).text.contains("cannot be reached"));
        assert!(found("mqtt://no-such-host.invalid").text.contains("has no address"));
        let (_folder, site) = site("", &[]);
        assert_eq!(check(&site)[0].level, Level::Note);
    }
}
