//! What a check finds out, and how it is told.
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::{fmt, time::Duration};

/// No part takes longer to answer, unless it never does.
const PATIENCE: Duration = Duration::from_secs(15);

/// One look at one part.
pub struct Check {
    name: &'static str,
    look: BoxFuture<'static, Verdict>,
}

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It works.
    Fine(String),
    /// It works, but not well, or not for long.
    Warning { what: String, remedy: String },
    /// It does not work.
    Failed { what: String, remedy: String },
}

/// A verdict on a part.
pub struct Finding {
    pub name: &'static str,
    pub verdict: Verdict,
}

impl Check {
    pub fn new(name: &'static str, look: impl Future<Output = Verdict> + Send + 'static) -> Self {
        Self { name, look: Box::pin(look) }
    }

    /// What needs no waiting.
    pub fn done(name: &'static str, verdict: Verdict) -> Self {
        Self::new(name, async { verdict })
    }

    pub async fn run(self) -> Finding {
        let looked = tokio::time::timeout(PATIENCE, self.look).await;
        let verdict = looked.unwrap_or_else(|_| {
            let what = format!("no answer within {} s", PATIENCE.as_secs());
            Verdict::failed(
                what,
                "see whether it is overloaded, or the network drops what it sends",
            )
        });
        Finding { name: self.name, verdict }
    }
}

impl Verdict {
    pub fn fine(what: impl Into<String>) -> Self {
        Self::Fine(what.into())
    }

    pub fn warning(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Warning { what: what.into(), remedy: remedy.into() }
    }

    pub fn failed(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Failed { what: what.into(), remedy: remedy.into() }
    }

    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    /// The verdict in a word, what was seen, and what to do.
    fn tell(&self) -> (&'static str, &str, Option<&str>) {
        match self {
            Self::Fine(what) => ("ok", what, None),
            Self::Warning { what, remedy } => ("warning", what, Some(remedy)),
            Self::Failed { what, remedy } => ("FAILED", what, Some(remedy)),
        }
    }
}

impl Finding {
    pub fn to_json(&self) -> Value {
        let (verdict, what, remedy) = self.verdict.tell();
        json!({"name": self.name, "verdict": verdict.to_lowercase(), "what": what, "remedy": remedy})
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verdict, what, remedy) = self.verdict.tell();
        write!(formatter, "{verdict:<8} {:<11} {what}", self.name)?;
        match remedy {
            Some(remedy) => write!(formatter, ": {remedy}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_that_says_what_to_do() {
        let finding = Finding { name: "store", verdict: Verdict::failed("gone", "bring it back") };
        assert_eq!(finding.to_string(), "FAILED   store       gone: bring it back");
        assert_eq!(finding.to_json()["verdict"], "failed");
        assert_eq!(finding.to_json()["remedy"], "bring it back");
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_answers_has_failed() {
        let finding = Check::new("bus", std::future::pending()).run().await;
        assert!(finding.verdict.is_failed());
    }
}
