//! The other end of the socket: one request per connection, the whole answer or its lines as they come.

use std::{
    fmt,
    future::Future,
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    pin::pin,
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::UnixStream, time::timeout};

use super::error::ErrorBody;

/// Longest wait for the daemon to accept.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Longest wait for an answer; restoring a coordinator takes the longest.
const ANSWER_LIMIT: Duration = Duration::from_secs(160);

/// Largest answer that is taken into memory.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Largest single line of a stream.
const MAX_LINE: usize = 4 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens, or we may not connect.
    #[error("cannot reach the daemon at {}: {source}", path.display())]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke, or the answer is no HTTP.
    #[error("the daemon at {} did not answer: {why}", path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What happened.
        why: String,
    },
    /// The daemon answered with an error.
    #[error("{error}")]
    Refused {
        /// HTTP status code.
        status: u16,
        /// What it said.
        error: String,
        /// What it advised.
        help: Option<String>,
    },
}

/// A caller of the local API.
#[derive(Debug, Clone)]
pub struct Client {
    /// The socket.
    path: PathBuf,
}

impl Client {
    /// A client of the daemon behind a socket.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Fetches JSON.
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.json("GET", path, None).await
    }

    /// Sends JSON and gives the answer's.
    pub async fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.json(method, path, Some(body)).await
    }

    /// Calls `on_line` for each line of a stream until it breaks or the stream ends.
    pub async fn lines(
        &self,
        path: &str,
        mut on_line: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), ClientError> {
        self.exchange(async |sender| {
            let request = self.request("GET", path, None)?;
            let response = sender.send_request(request).await.map_err(|error| self.broken(&error))?;
            let mut body = self.checked(response).await?.into_body();
            let mut rest = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| self.broken(&error))?;
                rest.extend_from_slice(frame.data_ref().map_or(&[], Bytes::as_ref));
                if take_lines(&mut rest, &mut on_line).is_break() {
                    return Ok(());
                }
                if rest.len() > MAX_LINE {
                    return Err(self.broken(&format_args!("a line has more than {MAX_LINE} bytes")));
                }
            }
            Ok(())
        })
        .await
    }

    /// One request, one JSON answer.
    async fn json(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let whole = self.exchange(async |sender| {
            let request = self.request(method, path, body)?;
            let response = sender.send_request(request).await.map_err(|error| self.broken(&error))?;
            let bytes = self.collect(self.checked(response).await?).await?;
            serde_json::from_slice(&bytes).map_err(|error| self.broken(&error))
        });
        let limit = || self.broken(&format_args!("no answer within {} s", ANSWER_LIMIT.as_secs()));
        timeout(ANSWER_LIMIT, whole).await.map_err(|_| limit())?
    }

    /// Connects and drives the connection while `talk` uses it.
    async fn exchange<T>(
        &self,
        talk: impl AsyncFnOnce(&mut SendRequest<Full<Bytes>>) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let stream = self.connect().await?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| self.broken(&error))?;
        let talk = pin!(talk(&mut sender));
        drive(talk, pin!(connection)).await
    }

    /// The connected socket.
    async fn connect(&self) -> Result<UnixStream, ClientError> {
        let late = || Err(io::ErrorKind::TimedOut.into());
        let connected = timeout(CONNECT_LIMIT, UnixStream::connect(&self.path)).await.unwrap_or_else(|_| late());
        connected.map_err(|source| ClientError::Unreachable { path: self.path.clone(), source })
    }

    /// An HTTP request.
    fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Request<Full<Bytes>>, ClientError> {
        let bytes = body.map(|json| Bytes::from(json.to_string())).unwrap_or_default();
        let request = Request::builder().method(method).uri(path).header("host", "tidegate");
        request.header("content-type", "application/json").body(Full::new(bytes)).map_err(|error| self.broken(&error))
    }

    /// The response, if it is no error.
    async fn checked(&self, response: Response<Incoming>) -> Result<Response<Incoming>, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let bytes = self.collect(response).await?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| ErrorBody { error: format!("the daemon answered {status}"), help: None });
        Err(ClientError::Refused { status: status.as_u16(), error: body.error, help: body.help })
    }

    /// The whole body.
    async fn collect(&self, response: Response<Incoming>) -> Result<Bytes, ClientError> {
        let limited = Limited::new(response.into_body(), MAX_ANSWER);
        Ok(limited.collect().await.map_err(|error| self.broken(&error))?.to_bytes())
    }

    /// A broken exchange.
    fn broken(&self, why: &dyn fmt::Display) -> ClientError {
        ClientError::Broken { path: self.path.clone(), why: why.to_string() }
    }
}

/// Runs a talk and the connection under it side by side. A connection that ends first may still have left bytes for
/// the talk to read, so the talk always has the last word.
async fn drive<T>(talk: impl Future<Output = T> + Unpin, connection: impl Future + Unpin) -> T {
    match select(talk, connection).await {
        Either::Left((result, _)) => result,
        Either::Right((_, talk)) => talk.await,
    }
}

/// Hands over the whole lines at the front and keeps the rest.
fn take_lines(rest: &mut Vec<u8>, on_line: &mut impl FnMut(&[u8]) -> ControlFlow<()>) -> ControlFlow<()> {
    let Some(end) = rest.iter().rposition(|&byte| byte == b'\n') else { return ControlFlow::Continue(()) };
    let whole: Vec<u8> = rest.drain(..=end).collect();
    whole.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).try_for_each(on_line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_the_bytes_arrive() {
        let (mut rest, mut seen) = (Vec::new(), Vec::new());
        for bytes in ["{\"a\"", ":1}\n{\"b\":2}\n{", "}\n"] {
            rest.extend_from_slice(bytes.as_bytes());
            let _ = take_lines(&mut rest, &mut |line| {
                seen.push(String::from_utf8_lossy(line).into_owned());
                ControlFlow::Continue(())
            });
        }
        assert_eq!(seen, ["{\"a\":1}", "{\"b\":2}", "{}"]);
        assert!(rest.is_empty());
    }
}
