//! `sotto doctor`: every part, end to end, with the settings in force. Changes nothing that lasts.
//!
//! A check is a name and a future that ends in a [`Verdict`]. To add one for another part, write an
//! `async fn` that takes the ports it needs and add a line to [`checks_of`].
mod data_dir;
mod parts;
mod public_url;
mod verdict;

pub use parts::Inspected;

use crate::{
    cli::DoctorArgs,
    commands::client::client,
    keys,
    parts::{Parts, open_redis},
    settings::Settings,
};
use anyhow::{Result, bail};
use std::{io::Write, sync::Arc};
use verdict::{Check, Finding, Verdict};

/// Runs all checks, one after another; fails if one of them did.
pub async fn run(args: &DoctorArgs, settings: Settings) -> Result<()> {
    let mut findings = Vec::new();
    for check in checks(args, settings).await? {
        let finding = check.run().await;
        if !args.json {
            writeln!(std::io::stdout(), "{finding}")?;
        }
        findings.push(finding);
    }
    conclude(args, &findings)
}

/// What there is to say where the settings can't even be read.
pub fn report_wrong_settings(args: &DoctorArgs, error: &anyhow::Error) -> Result<()> {
    let verdict = Verdict::failed(format!("{error:#}"), "correct it; the rest was not looked at");
    let finding = Finding { name: "settings", verdict };
    if !args.json {
        writeln!(std::io::stdout(), "{finding}")?;
    }
    conclude(args, &[finding])
}

fn conclude(args: &DoctorArgs, findings: &[Finding]) -> Result<()> {
    let failed = findings.iter().filter(|finding| finding.verdict.is_failed()).count();
    if args.json {
        let checks: Vec<_> = findings.iter().map(Finding::to_json).collect();
        let report = serde_json::json!({ "ok": failed == 0, "checks": checks });
        writeln!(std::io::stdout(), "{report}")?;
    }
    if failed > 0 {
        bail!("{failed} of {} checks failed", findings.len());
    }
    Ok(())
}

async fn checks(args: &DoctorArgs, mut settings: Settings) -> Result<Vec<Check>> {
    let mut checks = vec![Check::done("settings", check_settings(&settings))];
    if settings.mongodb_uri.is_none() {
        checks.push(Check::done("data dir", data_dir::check(&settings.data_dir)));
    }
    if let Err(error) = open_redis(&settings).await {
        let remedy = "until then no instance starts, and those that run hear of one another late";
        checks.push(Check::done("Redis", Verdict::failed(format!("{error:#}"), remedy)));
        // The rest can be looked at without it.
        settings.redis_url = None;
    }
    match look_inside(&settings).await {
        Ok(parts) => checks.extend(checks_of(parts.inspected())),
        Err(verdict) => checks.push(Check::done("store", verdict)),
    }
    let site = public_url::Site::new(client(&args.trust)?, settings.public_url.origin());
    checks.extend([
        Check::new("public URL", public_url::check_health(site.clone())),
        Check::new(
            "clock",
            public_url::check_clock(site.clone(), Arc::new(adapter_local::SystemClock)),
        ),
        Check::new("socket", public_url::check_socket(site)),
    ]);
    Ok(checks)
}

/// The checks of what is opened by the settings.
fn checks_of(parts: Inspected) -> Vec<Check> {
    let Inspected {
        store,
        sessions,
        known_keys,
        keys,
        bus,
        payloads,
        redis,
        mail,
        google,
        clock,
        entropy,
    } = parts;
    let mut checks = vec![
        Check::new("keys", parts::check_keys(known_keys, keys)),
        Check::new("store", parts::check_store(store.clone(), sessions, clock, entropy.clone())),
        Check::new("bus", parts::check_bus(bus, store, entropy.clone())),
    ];
    checks
        .extend(redis.map(|link| Check::new("Redis", parts::check_redis(link, payloads, entropy))));
    checks.extend(mail.map(|transport| Check::new("mail", parts::check_mail(transport))));
    checks.extend(google.map(|provider| Check::new("Google", parts::check_google(provider))));
    checks
}

/// Opens what is there; makes neither a store nor keys.
async fn look_inside(settings: &Settings) -> Result<Parts, Verdict> {
    if settings.mongodb_uri.is_some() {
        let opened = Parts::open_unadopted(settings).await;
        return opened.map_err(|error| Verdict::failed(format!("{error:#}"), "then look again"));
    }
    let found = keys::find(settings.encryption_keys.as_deref(), &settings.data_dir);
    let found = found.map_err(|error| Verdict::failed(format!("{error:#}"), keys::REMEDY))?;
    if found.is_none() || !settings.data_dir.join(adapter_sqlite::FILE_NAME).exists() {
        let remedy = "`sotto serve` makes it at its first start; is SOTTO_DATA_DIR right?";
        return Err(Verdict::failed("there is none yet", remedy));
    }
    let opened = Parts::open_unadopted(settings).await;
    opened.map_err(|error| Verdict::failed(format!("{error:#}"), "see SOTTO_DATA_DIR"))
}

fn check_settings(settings: &Settings) -> Verdict {
    if let Err(error) = settings.refuse_open_mailbox() {
        return Verdict::failed(format!("{error:#}"), "`sotto serve` refuses to start like this");
    }
    if !settings.rate_limits {
        let remedy = "set it to on: anybody may guess and flood without bounds";
        return Verdict::warning("SOTTO_RATE_LIMITS is off", remedy);
    }
    Verdict::fine("all can be used")
}
