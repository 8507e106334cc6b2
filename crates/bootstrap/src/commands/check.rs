//! `sotto check …`: for whoever watches over a container that holds nothing but Sotto.
use super::client::{client, explain, json};
use crate::{cli::HealthArgs, parts::open_redis, settings::Settings};
use adapter_mongodb::check_server;
use anyhow::{Context, Result, anyhow, bail};
use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// Fails unless the answer is that all is well.
pub async fn health(args: HealthArgs, settings: &Settings) -> Result<()> {
    let origin = args.url.unwrap_or_else(|| format!("http://{}", reachable(settings.listen)));
    let url = format!("{}/health/", origin.trim_end_matches('/'));
    let answer = client(&args.trust)?.get(&url).send().await;
    let answer = answer.map_err(|error| anyhow!("{url}: {}", explain(&error)))?;
    let status = answer.status();
    if !status.is_success() {
        bail!("{url}: {status} {}", json(answer).await);
    }
    writeln!(std::io::stdout(), "ok")?;
    Ok(())
}

/// Fails unless the MongoDB that is set can be used.
pub async fn mongodb(settings: &Settings) -> Result<()> {
    check_server(settings.mongodb_uri()?).await.context("SOTTO_MONGODB_URI")?;
    writeln!(std::io::stdout(), "ok")?;
    Ok(())
}

/// Fails unless the Redis that is set can be used.
pub async fn redis(settings: &Settings) -> Result<()> {
    open_redis(settings).await?.context("SOTTO_REDIS_URL is not set")?;
    writeln!(std::io::stdout(), "ok")?;
    Ok(())
}

/// Who listens everywhere is asked on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_found_on_this_machine() {
        for (listen, asked) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            let listen = listen.parse().expect("an address");
            assert_eq!(reachable(listen).to_string(), asked);
        }
    }
}
