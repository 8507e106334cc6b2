//! The adapter against a provider with real signatures, honest and not.
use adapter_google::{Client, Issuer, OpenIdProvider};
use application::ports::{Clock, GrantedCode, IdentityProvider, ProviderError, SignInSecrets};
use domain::{
    Timestamp,
    identity::ProvenIdentity,
    token::{NonceToken, StateToken, VerifierToken},
};
use servers::openid::{Account, CLIENT_ID, CLIENT_SECRET, Lie, Mood, OpenIdProvider as Provider};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

const BACK: &str = "http://127.0.0.1:9/auth/google/callback/";
/// Longer than the adapter may take.
const BOUND: Duration = Duration::from_secs(7);

struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "the provider's signatures bear the time of now")]
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

fn adapter(provider: &Provider) -> OpenIdProvider {
    let client = Client {
        id: CLIENT_ID.to_owned(),
        secret: CLIENT_SECRET.to_owned(),
        redirect_url: BACK.to_owned(),
    };
    let issuer = Issuer::parse(&provider.issuer()).expect("an issuer");
    OpenIdProvider::new(issuer, client, Arc::new(WallClock)).expect("a client")
}

fn secrets(n: u8) -> SignInSecrets {
    SignInSecrets {
        state: StateToken::mint([n; 32]),
        nonce: NonceToken::mint([n + 1; 32]),
        verifier: VerifierToken::mint([n + 2; 32]),
    }
}

fn ann() -> Account {
    Account::new("1234", "ann@example.com")
}

fn granted(back: &str) -> GrantedCode {
    let (_, query) = back.split_once('?').expect("a query");
    let query: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    GrantedCode { code: query["code"].clone(), issuer: query.get("iss").cloned() }
}

/// Goes there and comes back.
async fn sign_in(
    adapter: &OpenIdProvider,
    provider: &Provider,
    account: &Account,
    lie: Option<Lie>,
) -> Result<ProvenIdentity, ProviderError> {
    let url = adapter.authorize_url(&secrets(1)).await?;
    adapter.redeem(&granted(&provider.consent_with(&url, account, lie)), &secrets(1)).await
}

fn is_refused(outcome: &Result<ProvenIdentity, ProviderError>) -> bool {
    matches!(outcome, Err(ProviderError::Refused { .. }))
}

#[tokio::test]
async fn whoever_signs_in_there_is_proved() {
    let provider = Provider::start();
    let proven = sign_in(&adapter(&provider), &provider, &ann(), None).await.expect("proved");
    assert_eq!(proven.identity.issuer, provider.issuer());
    assert_eq!(proven.identity.subject, "1234");
    assert_eq!(proven.email.expect("vouched for").as_str(), "ann@example.com");
    assert_eq!((proven.first_name.as_str(), proven.last_name.as_str()), ("Ann", "Baker"));
}

#[tokio::test]
async fn every_lie_in_an_id_token_is_seen_through() {
    let provider = Provider::start();
    let adapter = adapter(&provider);
    for lie in Lie::ALL {
        let outcome = sign_in(&adapter, &provider, &ann(), Some(lie)).await;
        assert!(is_refused(&outcome), "{lie:?}: {outcome:?}");
        assert!(sign_in(&adapter, &provider, &ann(), None).await.is_ok(), "after {lie:?}");
    }
}

#[tokio::test]
async fn an_address_that_is_not_vouched_for_is_none() {
    let provider = Provider::start();
    let adapter = adapter(&provider);
    for verified in [Some(false), None] {
        let account = Account { email_verified: verified, ..ann() };
        let proven = sign_in(&adapter, &provider, &account, None).await.expect("proved");
        assert_eq!(proven.email, None, "{verified:?}");
    }
    let names = ["x".repeat(500), "\u{0}".to_owned()];
    let odd = Account { names, ..Account::new("5", "no address") };
    let proven = sign_in(&adapter, &provider, &odd, None).await.expect("proved");
    assert!(proven.email.is_none() && proven.first_name.as_str().is_empty());
}

#[tokio::test]
async fn a_code_counts_once_for_the_sign_in_that_it_was_made_for() {
    let provider = Provider::start();
    let adapter = adapter(&provider);
    let url = adapter.authorize_url(&secrets(1)).await.expect("answers");
    let code = granted(&provider.consent(&url, &ann()));
    // Another sign-in has another verifier.
    assert!(is_refused(&adapter.redeem(&code, &secrets(9)).await));
    let code = granted(&provider.consent(&url, &ann()));
    let other = SignInSecrets { nonce: NonceToken::mint([99; 32]), ..secrets(1) };
    assert!(is_refused(&adapter.redeem(&code, &other).await));
    let code = granted(&provider.consent(&url, &ann()));
    assert!(adapter.redeem(&code, &secrets(1)).await.is_ok());
    assert!(is_refused(&adapter.redeem(&code, &secrets(1)).await));
}

#[tokio::test]
async fn only_the_provider_itself_sends_people_back() {
    let provider = Provider::start();
    let url = adapter(&provider).authorize_url(&secrets(1)).await.expect("answers");
    let redeem = async |adapter: &OpenIdProvider, issuer: Option<&str>| {
        let issuer = issuer.map(str::to_owned);
        let code = GrantedCode { issuer, ..granted(&provider.consent(&url, &ann())) };
        adapter.redeem(&code, &secrets(1)).await
    };
    let naming = adapter(&provider);
    assert!(is_refused(&redeem(&naming, Some("https://id.example")).await));
    assert!(is_refused(&redeem(&naming, None).await), "it says that it names itself");
    assert!(redeem(&naming, Some(&provider.issuer())).await.is_ok());
    provider.stops_naming_itself();
    let silent = adapter(&provider);
    assert!(redeem(&silent, None).await.is_ok());
    assert!(is_refused(&redeem(&silent, Some("https://id.example")).await));
}

#[tokio::test]
async fn new_keys_are_found_and_old_ones_count_no_longer() {
    let provider = Provider::start();
    let adapter = adapter(&provider);
    for _ in 0..3 {
        assert!(sign_in(&adapter, &provider, &ann(), None).await.is_ok());
    }
    assert_eq!(provider.times_asked("/jwks"), 1, "what is known is not asked for again");
    provider.rotate_keys();
    for _ in 0..3 {
        assert!(sign_in(&adapter, &provider, &ann(), None).await.is_ok());
    }
    assert_eq!(provider.times_asked("/jwks"), 2);
}

#[tokio::test]
async fn keys_that_nobody_publishes_do_not_keep_us_asking() {
    let provider = Provider::start();
    let adapter = adapter(&provider);
    for _ in 0..30 {
        let lie = Some(Lie::SignedByAStrangerUnderAnotherName);
        assert!(is_refused(&sign_in(&adapter, &provider, &ann(), lie).await));
    }
    assert_eq!(provider.times_asked("/jwks"), 11);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_well_is_away() {
    let elsewhere = Provider::start();
    let redirect =
        Mood::Elsewhere(format!("{}/.well-known/openid-configuration", elsewhere.issuer()));
    for mood in [Mood::Broken, Mood::Endless, redirect, Mood::Foreign, Mood::Careless] {
        let provider = Provider::start();
        let adapter = adapter(&provider);
        provider.is(mood.clone());
        let outcome = adapter.authorize_url(&secrets(1)).await;
        assert!(matches!(outcome, Err(ProviderError::Away { .. })), "{mood:?}: {outcome:?}");
        provider.is(Mood::Fine);
        let url = adapter.authorize_url(&secrets(1)).await.expect("back again");
        let code = granted(&provider.consent(&url, &ann()));
        if matches!(mood, Mood::Foreign | Mood::Careless) {
            continue;
        }
        provider.is(mood.clone());
        let outcome = adapter.redeem(&code, &secrets(1)).await;
        assert!(matches!(outcome, Err(ProviderError::Away { .. })), "{mood:?}: {outcome:?}");
    }
    assert_eq!(elsewhere.times_asked("/.well-known/openid-configuration"), 0);
}

#[tokio::test]
async fn nobody_waits_for_a_silent_provider_for_long() {
    let provider = Provider::start();
    let adapter = Arc::new(adapter(&provider));
    provider.is(Mood::Silent);
    let began = Instant::now();
    let many = (0..20).map(|_| {
        let adapter = adapter.clone();
        tokio::spawn(async move { adapter.authorize_url(&secrets(1)).await })
    });
    for one in many.collect::<Vec<_>>() {
        let outcome = one.await.expect("no panic");
        assert!(matches!(outcome, Err(ProviderError::Away { .. })), "{outcome:?}");
    }
    assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_goes_wrong_is_told_without_a_secret() {
    let provider = Provider::start();
    let adapter = adapter(&provider);
    let url = adapter.authorize_url(&secrets(1)).await.expect("answers");
    let code = granted(&provider.consent(&url, &ann()));
    provider.is(Mood::Silent);
    let error = adapter.redeem(&code, &secrets(1)).await.expect_err("silent");
    let told = format!("{error} {error:?}");
    let verifier = secrets(1).verifier.reveal();
    for secret in [CLIENT_SECRET, &*code.code, &*verifier, "ann@"] {
        assert!(!told.contains(secret), "{told}");
    }
}
