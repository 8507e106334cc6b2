//! The way people come: through the public URL, whatever stands in front of Sotto.
use super::verdict::Verdict;
use crate::commands::client::{explain, json};
use application::ports::Clock;
use chrono::{DateTime, Utc};
use domain::{TimeDelta, Timestamp};
use reqwest::{Client, Response, header};
use std::sync::Arc;

/// More, and codes and sessions end visibly early or late.
const MOST_SKEW: TimeDelta = TimeDelta::seconds(30);
/// Any 16 bytes as base64 (RFC 6455 §4.1).
const SOCKET_KEY: &str = "c290dG8gZG9jdG9yISEhIQ==";

/// What the public URL leads to.
#[derive(Clone)]
pub struct Site {
    client: Client,
    origin: Arc<str>,
}

impl Site {
    pub fn new(client: Client, origin: &str) -> Self {
        Self { client, origin: origin.into() }
    }

    async fn ask_health(&self) -> Result<Response, Verdict> {
        let asked = self.client.get(format!("{}/health/", self.origin)).send().await;
        asked.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Verdict {
        let cause = explain(error);
        let remedy = if cause.contains("ertificate") {
            "give its certificate with --ca FILE, or --insecure to take any"
        } else {
            "is `sotto serve` up, and the proxy in front of it? Does SOTTO_PUBLIC_URL lead here?"
        };
        Verdict::failed(format!("{} can't be reached ({cause})", self.origin), remedy)
    }
}

/// Whether Sotto answers there, and is well.
pub async fn check_health(site: Site) -> Verdict {
    let answer = match site.ask_health().await {
        Ok(answer) => answer,
        Err(verdict) => return verdict,
    };
    let (status, health) = (answer.status().as_u16(), json(answer).await);
    match (status, health["status"].as_str()) {
        (200, Some("ok")) => Verdict::fine(format!("{} answers", site.origin)),
        (503, Some("going_away")) => {
            Verdict::warning("the instance that answers is about to end", "ask again in a moment")
        }
        (503, Some(_)) => {
            let what = format!("{} answers that this fails: {}", site.origin, health["failing"]);
            Verdict::failed(what, "see the log of the instance that answers")
        }
        (502..=504, _) => {
            let what = format!("the proxy at {} does not reach Sotto ({status})", site.origin);
            Verdict::failed(what, "is `sotto serve` up, and where the proxy looks for it?")
        }
        _ => {
            let what = format!("something else than Sotto answers at {} ({status})", site.origin);
            Verdict::failed(what, "SOTTO_PUBLIC_URL must lead to Sotto, and to all of it")
        }
    }
}

/// Whether the clock here and the one there agree.
pub async fn check_clock(site: Site, clock: Arc<dyn Clock>) -> Verdict {
    let Ok(answer) = site.ask_health().await else {
        return Verdict::warning("there is nothing to compare it with", "see the public URL");
    };
    let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    match date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) {
        Some(date) => judge_clock(clock.now(), date.with_timezone(&Utc)),
        None => Verdict::warning("the answer has no date", "does the proxy take it away?"),
    }
}

fn judge_clock(here: Timestamp, there: Timestamp) -> Verdict {
    let skew = (here - there).abs();
    let seconds = skew.num_seconds();
    if skew > MOST_SKEW {
        let what = format!("the clock here and that of the public URL are {seconds} s apart");
        return Verdict::warning(what, "set both by NTP: codes and sessions end by the clock");
    }
    Verdict::fine(format!("within {} s of the public URL's", seconds.max(1)))
}

/// Whether an upgrade to a socket gets through to Sotto: only an upgrade that arrived as one is
/// refused for want of a session.
pub async fn check_socket(site: Site) -> Verdict {
    let asked = site
        .client
        .get(format!("{}/ws/chat/", site.origin))
        .header(header::ORIGIN, &*site.origin)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, SOCKET_KEY)
        .send()
        .await;
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) => return site.unreachable(&error),
    };
    let status = answer.status().as_u16();
    let problem = json(answer).await;
    judge_socket(status, problem["code"].as_str().unwrap_or_default())
}

fn judge_socket(status: u16, code: &str) -> Verdict {
    match (status, code) {
        (401, "signed_out") => Verdict::fine("an upgrade reaches Sotto"),
        (_, "websocket_required") => Verdict::failed(
            "the proxy does not pass on that a socket is wanted",
            "it must speak HTTP/1.1 to Sotto and pass Upgrade and Connection, as nginx/nginx.conf does",
        ),
        (403, "cross_origin") => Verdict::failed(
            "Sotto takes its own address for another site's",
            "the running instance has another SOTTO_PUBLIC_URL, or the proxy changes Origin",
        ),
        _ => Verdict::failed(
            format!("an upgrade does not reach Sotto ({status})"),
            "the proxy must pass /ws/ on to Sotto",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_half_a_minute_off_is_warned_of() {
        let here = Timestamp::UNIX_EPOCH;
        assert!(matches!(judge_clock(here, here + MOST_SKEW), Verdict::Fine(_)));
        for skew in [TimeDelta::seconds(31), TimeDelta::seconds(-31)] {
            assert!(matches!(judge_clock(here, here + skew), Verdict::Warning { .. }));
        }
    }

    #[test]
    fn only_an_upgrade_that_arrived_is_fine() {
        assert!(matches!(judge_socket(401, "signed_out"), Verdict::Fine(_)));
        for (status, code) in
            [(400, "websocket_required"), (403, "cross_origin"), (401, ""), (404, ""), (200, "")]
        {
            assert!(judge_socket(status, code).is_failed(), "{status} {code}");
        }
    }
}
